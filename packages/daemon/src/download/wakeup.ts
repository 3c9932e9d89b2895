import type { Clock } from '@damselfly/core'

/** A level-triggered bell for one waiter: `ring` before `wait` is not lost, several rings are one. */
export class Wakeup {
  #rung = false
  #resume: (() => void) | undefined

  ring(): void {
    this.#rung = true
    this.#resume?.()
  }

  /** Resolves when the bell has rung since the last wait, after `timeoutMs`, or when the signal aborts. */
  async wait(clock: Clock, timeoutMs: number | undefined, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const cancel = timeoutMs === undefined ? undefined : clock.schedule(timeoutMs, resolve)
      this.#resume = resolve
      signal.addEventListener('abort', resolve as () => void, { once: true })
      await promise
      signal.removeEventListener('abort', resolve as () => void)
      cancel?.()
    }
    this.#rung = false
    this.#resume = undefined
  }
}
