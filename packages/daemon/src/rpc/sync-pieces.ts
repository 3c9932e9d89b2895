import { create } from '@bufbuild/protobuf'
import {
  type SyncPiecesRequest,
  type SyncPiecesResponse,
  SyncPiecesResponseSchema,
} from '@damselfly/api/dfdaemon'
import {
  AsyncQueue,
  asTaskId,
  type CancelTimer,
  type Clock,
  DfError,
  pieceGeometry,
  pieceSpan,
} from '@damselfly/core'
import type { LiveTask } from '../download/live-task.ts'
import type { DaemonContext } from './context.ts'

/** On a seed, the children that are not the first for a new piece hear of it that much later. */
const superSeedDelayMs = 200
/** Of shorter tasks every child needs every piece at once. */
const superSeedPieces = 8

/**
 * SyncPieces (interop.md 3.1): the interested pieces that are here, at once, then each as it arrives. Ends when all have been
 * told or nobody downloads the task here any more, so that a child never waits for pieces that will not come.
 *
 * A seed that is still filling tells each new piece to one child first: told all at once, all would fetch it here, and the
 * seed would send every piece as often as there are children. The others get it from that child, or from here a moment later.
 */
export async function* syncPieces(
  { taskId, interestedPieceNumbers }: SyncPiecesRequest,
  context: DaemonContext,
  signal: AbortSignal,
): AsyncGenerator<SyncPiecesResponse> {
  const live = context.tasks.get(asTaskId(taskId))
  if (live === undefined) {
    throw new DfError('TaskNotFound', `This host does not have task ${taskId}.`)
  }
  const { contentLength, pieceLength } = live.stored.spec
  const geometry = pieceGeometry(contentLength, pieceLength)
  const open = new Set(interestedPieceNumbers.filter((n) => n < geometry.pieceCount))
  const message = (number: number): SyncPiecesResponse => {
    const { offset, length } = pieceSpan(geometry, number)
    open.delete(number)
    // T7, T10: an IP literal and a TCP port always; offset and length as everybody computes them.
    return create(SyncPiecesResponseSchema, {
      number,
      offset: BigInt(offset),
      length: BigInt(length),
      ...context.pieceAddress(),
    })
  }
  using _busy = busy(context)
  const staggered = context.host.isSeed && geometry.pieceCount >= superSeedPieces
  using arrived = new Arrivals(live, open, { clock: context.clock, staggered, signal })
  for (const number of [...open]) if (live.has(number)) yield message(number)
  if (open.size === 0) return
  for await (const number of arrived.numbers) {
    if (open.has(number)) yield message(number)
    if (open.size === 0) return
  }
}

/** A child that waits for pieces keeps a daemon alive that leaves when there is no work. */
function busy(context: DaemonContext): Disposable {
  return { [Symbol.dispose]: context.busy() }
}

/** The pieces that arrive while a child listens; ends with the downloads here, or with the child. */
class Arrivals implements Disposable {
  readonly numbers: AsyncQueue<number>
  readonly #late = new Map<number, CancelTimer>()
  readonly #cleanups: (() => void)[]

  constructor(
    live: LiveTask,
    open: ReadonlySet<number>,
    { clock, staggered, signal }: { clock: Clock; staggered: boolean; signal: AbortSignal },
  ) {
    this.numbers = new AsyncQueue<number>(open.size)
    const child = live.addChild()
    const unlisten = live.listen({
      finished: ({ number }) => {
        if (!open.has(number)) return
        if (!staggered || child.isFirstFor(number)) this.numbers.push(number)
        else
          this.#late.set(
            number,
            clock.schedule(superSeedDelayMs, () => this.#tell(number)),
          )
      },
      inactive: () => this.#end(),
    })
    const close = (): void => this.numbers.close()
    signal.addEventListener('abort', close, { once: true })
    this.#cleanups = [unlisten, child.leave, () => signal.removeEventListener('abort', close)]
    if (!live.isActive) close()
  }

  /** Nothing more arrives: what was held back is told now. */
  #end(): void {
    for (const number of [...this.#late.keys()]) this.#tell(number)
    this.numbers.close()
  }

  #tell(number: number): void {
    this.#late.get(number)?.()
    this.#late.delete(number)
    this.numbers.push(number)
  }

  [Symbol.dispose](): void {
    for (const cancel of this.#late.values()) cancel()
    for (const cleanup of this.#cleanups) cleanup()
  }
}
