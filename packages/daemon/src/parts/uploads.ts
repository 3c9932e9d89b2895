import { RateLimiter } from '@damselfly/core'
import { BufferPool, type ServedPiece, startPieceServer } from '@damselfly/transport'
import type { DaemonConfig } from '../config.ts'
import type { IdleExit } from '../idle-exit.ts'
import { type ServePieceDeps, servePiece } from '../upload/serve-piece.ts'
import type { World } from './world.ts'

/** Half a MiB was the fastest size measured; 64 of them bound what sending may take. */
const bufferBytes = 1 << 19
const sendBuffers = 64
const maxConnections = 1_024
const idleMs = 30_000

/** Starts the piece server: what other hosts fetch from this one. */
export function startUploads(
  config: DaemonConfig,
  world: World,
  parts: Omit<ServePieceDeps, 'disableShared'> & { idleExit: IdleExit },
) {
  const { ip, tcpPort } = config.storage.server
  const serve = { ...parts, disableShared: config.upload.disableShared }
  return startPieceServer(
    { listen: { host: ip, port: tcpPort }, idleMs, maxConnections, graceMs: config.shutdown.grace },
    {
      ...world,
      pool: new BufferPool({ bufferBytes, maxBuffers: sendBuffers }),
      limiter: new RateLimiter({ bytesPerSec: config.upload.bandwidthLimit }, world),
      open: async (family, taskId, number) =>
        whileBusy(parts.idleExit, () => servePiece(serve, family, taskId, number)),
    },
  )
}

/** A piece may be on its way for longer than a daemon stays without work. */
function whileBusy(idleExit: IdleExit, open: () => ServedPiece): ServedPiece {
  const done = idleExit.busy()
  try {
    const piece = open()
    return {
      ...piece,
      release(sentBytes) {
        piece.release(sentBytes)
        done()
      },
    }
  } catch (error) {
    done()
    throw error
  }
}
