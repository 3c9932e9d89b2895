import { abortable } from './time.ts'

/**
 * One piece of work that many wait for. It starts with the first `join` and its signal aborts only when the last
 * waiter has left before the end.
 */
export class SharedJob<T> {
  readonly #run: (signal: AbortSignal) => Promise<T>
  readonly #controller = new AbortController()
  #result: Promise<T> | undefined
  #waiters = 0
  #finished = false

  constructor(run: (signal: AbortSignal) => Promise<T>) {
    this.#run = run
  }

  /** False after everybody has left: whoever comes now needs a new job. */
  get isJoinable(): boolean {
    return !this.#controller.signal.aborted
  }

  /** How many wait now. */
  get waiters(): number {
    return this.#waiters
  }

  /**
   * The job's result or error, also when it has long ended. Rejects with the reason of `signal` as soon as that
   * aborts, whatever becomes of the job.
   */
  async join(signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    if (!this.isJoinable) throw this.#controller.signal.reason
    this.#result ??= this.#start()
    if (signal === undefined) return await this.#stay(this.#result, undefined)
    return await this.#stay(abortable(this.#result, signal), signal)
  }

  async #stay(wait: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    this.#waiters += 1
    try {
      return await wait
    } finally {
      this.#waiters -= 1
      if (this.#waiters === 0 && !this.#finished) this.#controller.abort(signal?.reason)
    }
  }

  async #start(): Promise<T> {
    try {
      return await this.#run(this.#controller.signal)
    } finally {
      this.#finished = true
    }
  }
}
