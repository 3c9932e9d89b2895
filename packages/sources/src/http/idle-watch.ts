import type { Clock } from '@damselfly/core'

/** Calls `onIdle` once when `waiting` was said `idleMs` ago and `working` never since. */
export interface IdleWatch extends Disposable {
  waiting(): void
  working(): void
}

/**
 * Costs a clock reading per chunk instead of a timer: one timer looks now and then whether the wait has become too long.
 */
export function idleWatch(clock: Clock, idleMs: number, onIdle: () => void): IdleWatch {
  let since: number | undefined
  const look = (): void => {
    const leftMs = since === undefined ? idleMs : since + idleMs - clock.monotonic()
    if (leftMs <= 0) onIdle()
    else cancel = clock.schedule(leftMs, look)
  }
  let cancel = clock.schedule(idleMs, look)
  return {
    waiting() {
      since = clock.monotonic()
    },
    working() {
      since = undefined
    },
    [Symbol.dispose]: () => cancel(),
  }
}
