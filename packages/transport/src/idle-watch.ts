import type { Clock } from '@damselfly/core'

export interface IdleWatchOptions {
  readonly idleMs: number
  /** A number that changes whenever the peer has done something; `undefined` while nothing is expected of it. */
  readonly progress: () => number | undefined
  /** Called at most once. */
  readonly onIdle: () => void
}

/** The idle time is cut into this many looks at the progress. */
const looks = 4

/**
 * Calls `onIdle` when the peer has made no progress for `idleMs` (at most a quarter more). It looks at a number
 * now and then instead of moving a timer with every chunk, and it takes four looks, so that one long stall of
 * this process (its late timer runs before the sockets are read) is not mistaken for a silent peer.
 */
export function watchIdle(
  clock: Clock,
  { idleMs, progress, onIdle }: IdleWatchOptions,
): Disposable {
  let last = progress()
  let still = 0
  const look = (): void => {
    const now = progress()
    still = now === undefined || now !== last ? 0 : still + 1
    last = now
    if (still >= looks) onIdle()
    else cancel = clock.schedule(idleMs / looks, look)
  }
  let cancel = clock.schedule(idleMs / looks, look)
  return { [Symbol.dispose]: () => cancel() }
}
