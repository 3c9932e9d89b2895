import type { CancelTimer } from '@damselfly/core'
import type { VirtualTime } from './virtual-time.ts'

/** What `setTimeout` gives: libraries call these, and hand it to `clearTimeout`. */
class VirtualTimer {
  readonly cancel: CancelTimer

  constructor(cancel: CancelTimer) {
    this.cancel = cancel
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return false
  }
}

export interface ProcessTimers extends Disposable {
  /** Those of them that wait. */
  readonly pending: number
}

/**
 * Lets the process's own timers and its date run on virtual time: our code takes a `Clock`, but a library under it (the session
 * keeper of Connect) does not. Disposing gives the real ones back. Node's insides keep theirs.
 */
export function takeProcessTimers(time: VirtualTime): ProcessTimers {
  const waiting = new Set<VirtualTimer>()
  const real = { setTimeout, clearTimeout, now: Date.now }
  const virtualSetTimeout = (fn: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
    const run = (): void => {
      waiting.delete(timer)
      fn(...args)
    }
    const timer = new VirtualTimer(time.schedule(ms, run))
    waiting.add(timer)
    return timer
  }
  const virtualClearTimeout = (timer: unknown): void => {
    if (timer instanceof VirtualTimer) {
      waiting.delete(timer)
      timer.cancel()
    } else real.clearTimeout(timer as NodeJS.Timeout | undefined)
  }
  Object.assign(globalThis, { setTimeout: virtualSetTimeout, clearTimeout: virtualClearTimeout })
  Date.now = () => time.now()
  return {
    get pending() {
      return waiting.size
    },
    [Symbol.dispose]() {
      Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout })
      Date.now = real.now
    },
  }
}
