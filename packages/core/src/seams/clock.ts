/** Milliseconds since the Unix epoch and timers. Engines take a `Clock`, never `Date` or `setTimeout`. */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. */
  now(): number
  /** Monotonic milliseconds; only differences have a meaning. */
  monotonic(): number
  /** Calls `fn` once after `delayMs`; the returned function cancels it and may be called at any time. */
  schedule(delayMs: number, fn: () => void): CancelTimer
}

export type CancelTimer = () => void

/** Node fires timers with a longer delay (24.8 days) at once. */
const maxTimerMs = 2 ** 31 - 1

/** Node's own clock. Its timers do not keep a process alive that has nothing else to do. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs, fn) {
    let timer: NodeJS.Timeout
    const arm = (remainingMs: number): void => {
      const next = (): void => (remainingMs > maxTimerMs ? arm(remainingMs - maxTimerMs) : fn())
      timer = setTimeout(next, Math.min(remainingMs, maxTimerMs))
      timer.unref()
    }
    arm(delayMs)
    return () => clearTimeout(timer)
  },
}
