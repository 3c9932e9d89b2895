import { deferred } from '../async/deferred.ts'
import { DfError } from '../errors/df-error.ts'
import type { Running } from './running.ts'

/**
 * Collects what a composition root starts and stops it in reverse order: `push` after each successful start,
 * then `toRunning()`. When a start throws, `unwind()` stops what was already there.
 */
export class ServiceStack {
  readonly #stops: { name: string; stop: () => Promise<void> | void }[] = []
  readonly #closed = deferred()
  #failure: { readonly error: unknown } | undefined
  #stopping: Promise<void> | undefined

  /**
   * Registers how to stop what has just been started. `name` appears in errors. When the stack has been stopped
   * meanwhile (a part died during start), the new part is stopped, too.
   */
  push(name: string, stop: () => Promise<void> | void): void {
    this.#stops.push({ name, stop })
    if (this.#stopping === undefined) return
    this.#stopping = this.#stopping.then(
      () => this.#unwind(),
      async (error: unknown) => {
        await this.#unwind()
        throw error
      },
    )
    this.#stopping.catch(() => {})
  }

  /** Registers a part; when it dies by itself, the whole dies with its error. */
  use<T extends Running>(name: string, part: T): T {
    this.push(name, () => part.stop())
    part.closed.catch((error: unknown) => this.fail(error))
    return part
  }

  /** Makes `closed` reject with `error`; the parts are stopped. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#closed.reject(error)
    this.unwind().catch(() => {})
  }

  /** Stops everything, last started first. Every part is stopped even when one fails. */
  unwind(): Promise<void> {
    this.#stopping ??= this.#unwind()
    return this.#stopping
  }

  /** Throws what `fail` was called with. */
  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  toRunning(): Running {
    return {
      closed: this.#closed.promise,
      stop: () => this.unwind(),
      [Symbol.asyncDispose]: () => this.unwind(),
    }
  }

  async #unwind(): Promise<void> {
    // Lets `#stopping` be assigned first: a part may ask for the whole to be stopped while it is stopped itself.
    await Promise.resolve()
    const failures: unknown[] = []
    for (const { name, stop } of this.#stops.splice(0).reverse()) {
      try {
        await stop()
      } catch (cause) {
        failures.push(
          new DfError('Internal', `stopping ${name} failed: ${String(cause)}`, { cause }),
        )
      }
    }
    if (failures.length > 0) {
      const error = new AggregateError(
        failures,
        `stopping failed: ${failures.map(String).join('; ')}`,
      )
      this.#closed.reject(error)
      throw error
    }
    this.#closed.resolve()
  }
}

/**
 * Runs `start` with a fresh stack. When it throws, or a part dies before it returns, everything pushed is stopped
 * before the error goes on.
 */
export async function startWith<T>(start: (stack: ServiceStack) => Promise<T>): Promise<T> {
  const stack = new ServiceStack()
  try {
    const started = await start(stack)
    stack.throwIfFailed()
    return started
  } catch (error) {
    await stack.unwind().catch(() => {})
    throw error
  }
}
