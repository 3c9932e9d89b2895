import { type DfError, isDfError, type Log, type Random, retry } from '@damselfly/core'
import { protocolError, refused } from './errors.ts'
import { type Answer, type Ask, discard, type ExchangeDeps, exchange } from './exchange.ts'
import {
  afterAttempts,
  isTransientStatus,
  isWorthRetrying,
  parseRetryAfter,
  type RetryRules,
  retryAfterOf,
} from './retry.ts'
import { describeUrl } from './target.ts'

export interface AskDeps extends ExchangeDeps {
  readonly random: Random
  readonly log: Log
  readonly rules: RetryRules
}

/**
 * Asks until an answer comes whose status `accepts` takes, or until asking again is no use. Redirects are followed
 * anew by each attempt: what they lead to may be the thing that expired.
 */
export async function askOrigin(
  deps: AskDeps,
  ask: Ask,
  options: { accepts: (statusCode: number) => boolean; signal: AbortSignal | undefined },
): Promise<Answer> {
  const { clock, random, log, rules } = deps
  const url = describeUrl(ask.target.url)
  let attempts = 0
  const rhythm = {
    attempts: rules.maxRetries + 1,
    baseMs: rules.retryBaseMs,
    maxMs: rules.maxRetryDelayMs,
    shouldRetry: (error: unknown): boolean => isWorthRetrying(error, rules.maxRetryDelayMs),
    delayFor: retryAfterOf,
  }
  try {
    return await retry({ ...rhythm, clock, random, signal: options.signal }, (attempt) => {
      if (attempt > 1) log.debug({ url, attempt }, 'origin is asked again')
      attempts = attempt
      return askOnce(deps, ask, options)
    })
  } catch (thrown) {
    options.signal?.throwIfAborted()
    throw isDfError(thrown) ? afterAttempts(thrown, attempts) : thrown
  }
}

async function askOnce(
  deps: AskDeps,
  ask: Ask,
  {
    accepts,
    signal,
  }: { accepts: (statusCode: number) => boolean; signal: AbortSignal | undefined },
): Promise<Answer> {
  const answer = await exchange(deps, ask, signal)
  if (accepts(answer.statusCode)) return answer
  await discard(deps, answer)
  throw refusal(deps, answer)
}

/** What a status that nobody can use means. */
function refusal(deps: AskDeps, answer: Answer): DfError {
  const { url, statusCode, header } = answer
  if (statusCode < 400)
    return protocolError(url, `answered with the unexpected status ${statusCode}`)
  const retryAfterMs = isTransientStatus(statusCode)
    ? parseRetryAfter(header['retry-after'], deps.clock.now())
    : undefined
  return refused(url, { statusCode, header, retryAfterMs })
}

/** The statuses whose content is the object (RFC 9110 §15.3); 202, for one, says that it is not there yet. */
export const isWhole = (statusCode: number): boolean => [200, 203, 204].includes(statusCode)
