import { create } from '@bufbuild/protobuf'
import { type Host, HostSchema } from '@damselfly/api/common'
import { sleep } from '@damselfly/core'
import type { DaemonContext } from './context.ts'

const intervalMs = 1_000

/** SyncHost (interop.md 3.1): how busy this host's network is, about once a second, until the child leaves. */
export async function* syncHost(
  { host, sent, received, limits, clock }: DaemonContext,
  signal: AbortSignal,
): AsyncGenerator<Host> {
  const bits = (bytesPerSec: number): bigint => BigInt(Math.round(bytesPerSec * 8))
  while (!signal.aborted) {
    yield create(HostSchema, {
      id: host.id,
      network: {
        maxTxBandwidth: bits(limits.maxTxBytesPerSec),
        txBandwidth: bits(sent.bytesPerSec),
        maxRxBandwidth: bits(limits.maxRxBytesPerSec),
        rxBandwidth: bits(received.bytesPerSec),
      },
    })
    await sleep(clock, intervalMs, signal)
  }
}
