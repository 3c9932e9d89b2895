import { isAbort, isDfError } from '../errors/df-error.ts'
import type { Clock } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'
import { sleep } from './time.ts'

export interface RetryOptions {
  /** How often `fn` is called at most, the first time included. */
  attempts: number
  /** The wait after the first failure, in milliseconds; it doubles with each further one. */
  baseMs: number
  /** The longest wait that doubling leads to. */
  maxMs: number
  clock: Clock
  random: Random
  signal?: AbortSignal | undefined
  /** Default: errors that say so themselves (`DfError.retryable`). */
  shouldRetry?: (error: unknown, attempt: number) => boolean
  /** A wait that the error asks for (e.g. Retry-After), in milliseconds, used as it is. `undefined` = the usual one. */
  delayFor?: (error: unknown, attempt: number) => number | undefined
}

/**
 * Calls `fn` until it succeeds; `attempt` counts from 1. The last error goes to the caller as it is. Waits are
 * drawn from the upper half of the doubled time, so that clients that failed together do not return together.
 * Aborts are never retried.
 */
export async function retry<T>(
  options: RetryOptions,
  fn: (attempt: number) => Promise<T>,
): Promise<T> {
  const { attempts, baseMs, maxMs, clock, random, signal } = options
  const shouldRetry = options.shouldRetry ?? saysSoItself
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted()
    try {
      return await fn(attempt)
    } catch (error) {
      const givesUp = attempt >= attempts || signal?.aborted === true || isAbort(error)
      if (givesUp || !shouldRetry(error, attempt)) throw error
      const backoffMs = Math.min(maxMs, baseMs * 2 ** (attempt - 1)) * (1 - random.next() / 2)
      await sleep(clock, options.delayFor?.(error, attempt) ?? backoffMs, signal)
    }
  }
}

const saysSoItself = (error: unknown): boolean => isDfError(error) && error.retryable
