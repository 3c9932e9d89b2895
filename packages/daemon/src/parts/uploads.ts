import { isPackingAvailable, makePeerIdentity, type PeerFeatures } from '@damselfly/transport'
import type { DaemonConfig } from '../config.ts'
import type { DataPlane, PieceServing } from '../data/data-plane.ts'
import { type FindPieceDeps, pieceFinder } from '../upload/find-piece.ts'

/** What other hosts fetch from this one, and what our own kind is told of it. */
export interface Uploads extends PieceServing {
  readonly offer: PeerFeatures & { readonly tlsRequired?: boolean }
}

/** Starts the piece server. */
export async function startUploads(
  config: DaemonConfig,
  data: Pick<DataPlane, 'serve'>,
  deps: Omit<FindPieceDeps, 'disableShared'>,
): Promise<Uploads> {
  const { ip, tcpPort } = config.storage.server
  const { bandwidthLimit, taskBandwidthLimit, bandwidthTable, slots, minRate, disableShared } =
    config.upload
  const isPacking = config.transfer.compression === 'auto' && isPackingAvailable
  const isRequired = config.transfer.tls === 'require'
  const identity = config.transfer.tls === 'off' ? undefined : await makePeerIdentity()
  const options = {
    listen: { host: ip, port: tcpPort },
    graceMs: config.shutdown.grace,
    bytesPerSec: bandwidthLimit,
    taskBytesPerSec: taskBandwidthLimit,
    rateTable: bandwidthTable,
    slots,
    minBytesPerSec: minRate,
    isPacking,
    ...(identity === undefined ? {} : { tls: { identity, isRequired } }),
  }
  const serving = await data.serve(options, {
    find: pieceFinder({ ...deps, disableShared }),
    sent: (bytes) => deps.metrics.uploadWireTraffic.inc(bytes),
  })
  const port = serving.secureEndpoint?.port
  const tls =
    identity === undefined || port === undefined
      ? {}
      : { tls: { port, fingerprint: identity.fingerprint } }
  return {
    ...serving,
    offer: { keepAlive: true, zstd: isPacking, tlsRequired: isRequired, ...tls },
  }
}
