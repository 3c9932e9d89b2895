import type { Clock } from '@damselfly/core'

/** Calls `onIdle` once nothing was asked of the daemon for `idleMs`. 0 = never. */
export class IdleExit {
  readonly #clock: Clock
  readonly #idleMs: number
  readonly #onIdle: () => void
  #users = 0
  #cancel = (): void => {}

  constructor(idleMs: number, onIdle: () => void, clock: Clock) {
    this.#clock = clock
    this.#idleMs = idleMs
    this.#onIdle = onIdle
    this.#arm()
  }

  /** Somebody is being served. */
  get isBusy(): boolean {
    return this.#users > 0
  }

  /** Something is asked; the returned function says that it is over. */
  busy(): () => void {
    this.#users += 1
    this.#cancel()
    let counted = true
    return () => {
      if (!counted) return
      counted = false
      this.#users -= 1
      if (this.#users === 0) this.#arm()
    }
  }

  /** Something was asked just now. */
  touch(): void {
    this.busy()()
  }

  stop(): void {
    this.#users += 1
    this.#cancel()
  }

  #arm(): void {
    this.#cancel()
    if (this.#idleMs > 0) this.#cancel = this.#clock.schedule(this.#idleMs, this.#onIdle)
  }
}
