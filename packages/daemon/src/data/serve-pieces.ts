import { type Clock, type Log, type Network, RateLimiter } from '@damselfly/core'
import {
  BufferPool,
  type PieceServer,
  type PieceServerDeps,
  startPieceServer,
} from '@damselfly/transport'
import type { ServeOptions } from './data-plane.ts'

/** Half a MiB was the fastest size measured; 64 of them bound what sending may take. */
const bufferBytes = 1 << 19
const sendBuffers = 64
const maxConnections = 1_024
const idleMs = 30_000

/** The piece server with its buffers and limits, on whichever thread. */
export function servePieces(
  { listen, graceMs, bytesPerSec, tls }: ServeOptions,
  world: { clock: Clock; network: Network; log: Log },
  open: PieceServerDeps['open'],
): Promise<PieceServer> {
  const secure = tls === undefined ? undefined : { listen: { host: listen.host, port: 0 }, ...tls }
  return startPieceServer(
    { listen, secure, idleMs, maxConnections, graceMs },
    {
      ...world,
      pool: new BufferPool({ bufferBytes, maxBuffers: sendBuffers }),
      limiter: new RateLimiter({ bytesPerSec }, world),
      open,
    },
  )
}
