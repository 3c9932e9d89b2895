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
  #stopping: Promise<void> | undefined

  /** Registers how to stop what has just been started. `name` appears in errors. */
  push(name: string, stop: () => Promise<void> | void): void {
    this.#stops.push({ name, stop })
  }

  /** Registers a part; when it dies by itself, the whole dies with its error. */
  use<T extends Running>(name: string, part: T): T {
    this.push(name, () => part.stop())
    part.closed.catch((error: unknown) => this.fail(error))
    return part
  }

  /** Makes `closed` reject with `error`; the parts are stopped. */
  fail(error: unknown): void {
    this.#closed.reject(error)
    this.unwind().catch(() => {})
  }

  /** Stops everything, last started first. Every part is stopped even when one fails. */
  unwind(): Promise<void> {
    this.#stopping ??= this.#unwind()
    return this.#stopping
  }

  toRunning(): Running {
    return {
      closed: this.#closed.promise,
      stop: () => this.unwind(),
      [Symbol.asyncDispose]: () => this.unwind(),
    }
  }

  async #unwind(): Promise<void> {
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

/** Runs `start` with a fresh stack; when it throws, what it had pushed is stopped before the error goes on. */
export async function startWith<T>(start: (stack: ServiceStack) => Promise<T>): Promise<T> {
  const stack = new ServiceStack()
  try {
    return await start(stack)
  } catch (error) {
    await stack.unwind().catch(() => {})
    throw error
  }
}
