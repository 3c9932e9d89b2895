import { DfError, isDfError } from '@damselfly/core'

export interface RetryRules {
  readonly maxRetries: number
  /** The first pause; each further one is twice as long. */
  readonly retryBaseMs: number
  /** No pause is longer; an origin that asks for a longer one is not waited for. */
  readonly maxRetryDelayMs: number
}

const retriedStatuses = new Set([408, 425, 429])

/** Statuses that say "not now" instead of "no". */
export const isTransientStatus = (statusCode: number): boolean =>
  statusCode >= 500 || retriedStatuses.has(statusCode)

/** Whether another attempt can help; not when the origin asks for a longer pause than anybody here will wait. */
export function isWorthRetrying(error: unknown, maxRetryDelayMs: number): error is DfError {
  if (!isDfError(error) || !error.retryable) return false
  if (error.code !== 'SourceUnavailable' && error.code !== 'SourceRefused') return false
  return (retryAfterOf(error) ?? 0) <= maxRetryDelayMs
}

/** The pause that the origin asked for; `undefined` when it is none, which leaves it to the usual one. */
export function retryAfterOf(error: unknown): number | undefined {
  const value = isDfError(error) ? error.details.retryAfterMs : undefined
  return typeof value === 'number' && value > 0 ? value : undefined
}

/** Reads `Retry-After` (RFC 9110 §10.2.3): seconds or a date. Nonsense counts as absent. */
export function parseRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  if (/^\d+$/.test(text.trim())) return Number(text) * 1000
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs)
}

/** The error of the last attempt, telling how many there were. */
export function afterAttempts(error: DfError, attempts: number): DfError {
  if (attempts === 1) return error
  return new DfError(error.code, `${error.message} It was tried ${attempts} times.`, {
    cause: error.cause,
    details: { ...error.details, attempts },
    retryable: error.retryable,
  })
}
