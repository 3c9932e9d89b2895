import type { Clock, Log, Network } from '@damselfly/core'
import {
  BufferPool,
  followRateTable,
  type PieceServer,
  type PieceServerDeps,
  parseRateTable,
  RateLimit,
  startPieceServer,
  UploadGovernor,
} from '@damselfly/transport'
import type { ServeOptions } from './data-plane.ts'
import { piecePacker } from './piece-packer.ts'
import { TaskLimits } from './task-limits.ts'

/** Smaller ones cost up to twice the processor time; 32 of them bound what sending may take. */
const bufferBytes = 1 << 20
const sendBuffers = 32
const maxConnections = 1_024
const idleMs = 30_000
/** The rate of a child is taken over so much time. */
const rateWindowMs = 30_000
/** Pieces that wait for a slot; a child of ours that is one too many hears so and asks another parent. */
const maxWaiting = 1_024

interface ServeDeps extends Pick<PieceServerDeps, 'open' | 'onSent'> {
  readonly clock: Clock
  readonly network: Network
  readonly log: Log
}

/** The piece server with its buffers and limits, on whichever thread. */
export async function servePieces(options: ServeOptions, deps: ServeDeps): Promise<PieceServer> {
  const { listen, graceMs, tls, slots, minBytesPerSec } = options
  const total = new RateLimit(options.bytesPerSec, deps)
  const table = parseRateTable(options.rateTable)
  const following = followRateTable(total, { table, otherwise: options.bytesPerSec }, deps)
  const tasks = new TaskLimits(options.taskBytesPerSec, deps.clock)
  const governor = new UploadGovernor(
    { slots, maxWaiting },
    { clock: deps.clock, limits: ({ taskId }) => [total, ...tasks.of(taskId)] },
  )
  const limit = (): number => Math.min(total.bytesPerSec, options.taskBytesPerSec ?? Infinity)
  const secure = tls === undefined ? undefined : { listen: { host: listen.host, port: 0 }, ...tls }
  const server = await startPieceServer(
    {
      listen,
      secure,
      idleMs,
      minRate: { bytesPerSec: minBytesPerSec, windowMs: rateWindowMs },
      maxConnections,
      graceMs,
    },
    {
      ...deps,
      pool: new BufferPool({ bufferBytes, maxBuffers: sendBuffers }),
      governor,
      ...(options.isPacking ? { compress: piecePacker({ ...deps, limit }) } : {}),
    },
  )
  server.closed.catch(() => {}).finally(() => following[Symbol.dispose]())
  return server
}
