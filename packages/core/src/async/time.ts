import type { DfError } from '../errors/df-error.ts'
import type { Clock } from '../seams/clock.ts'

/** Resolves after `delayMs` of the clock; rejects with the signal's reason when it aborts first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason)
      return
    }
    const onAbort = (): void => {
      cancel()
      reject(signal?.reason)
    }
    const cancel = clock.schedule(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** Resolves when `promise` has settled in either way, after `delayMs` at the latest. */
export function settledWithin(
  clock: Clock,
  delayMs: number,
  promise: Promise<unknown>,
): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.schedule(delayMs, resolve)
    const settle = (): void => {
      cancel()
      resolve()
    }
    promise.then(settle, settle)
  })
}

/**
 * A signal that aborts with `makeError()` after `delayMs`. Dispose it when the phase is over; `restart` begins
 * the delay anew, which makes it an idle timeout.
 */
export function deadline(clock: Clock, delayMs: number, makeError: () => DfError): Deadline {
  const controller = new AbortController()
  const arm = () => clock.schedule(delayMs, () => controller.abort(makeError()))
  let cancel = arm()
  let disposed = false
  return {
    signal: controller.signal,
    restart() {
      if (disposed) return
      cancel()
      cancel = arm()
    },
    [Symbol.dispose]() {
      disposed = true
      cancel()
    },
  }
}

export interface Deadline extends Disposable {
  readonly signal: AbortSignal
  restart(): void
}

/** Settles as `promise` does, or rejects with the signal's reason when that comes first. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => {})
    return Promise.reject(signal.reason)
  }
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
