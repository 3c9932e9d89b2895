import { DfError } from '@damselfly/core'
import { describe, expect, it } from 'vitest'
import { afterAttempts, isWorthRetrying, parseRetryAfter, retryAfterOf } from './retry.ts'

const refused = (retryAfterMs?: number): DfError =>
  new DfError('SourceRefused', 'no', { details: { retryAfterMs }, retryable: true })

describe('parseRetryAfter', () => {
  const now = Date.parse('Sun, 06 Nov 1994 08:49:37 GMT')
  it.each([
    ['0', 0],
    ['120', 120_000],
    ['Sun, 06 Nov 1994 08:49:47 GMT', 10_000],
    ['Sun, 06 Nov 1994 08:00:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ])('reads %j', (text, ms) => {
    expect(parseRetryAfter(text, now)).toBe(ms)
  })
})

describe('isWorthRetrying', () => {
  it('takes what the error says about itself, for errors of reaching the origin only', () => {
    expect(isWorthRetrying(new DfError('SourceUnavailable', 'down'), 1000)).toBe(true)
    expect(isWorthRetrying(refused(), 1000)).toBe(true)
    expect(isWorthRetrying(new DfError('SourceRefused', 'no'), 1000)).toBe(false)
    expect(isWorthRetrying(new DfError('SourceChanged', 'other'), 1000)).toBe(false)
    expect(isWorthRetrying(new Error('what'), 1000)).toBe(false)
  })

  it('does not wait longer than the limit', () => {
    expect(isWorthRetrying(refused(1000), 1000)).toBe(true)
    expect(isWorthRetrying(refused(1001), 1000)).toBe(false)
  })
})

describe('retryAfterOf', () => {
  it('leaves a pause of 0 to the usual one', () => {
    expect(retryAfterOf(refused(0))).toBeUndefined()
    expect(retryAfterOf(refused(5))).toBe(5)
    expect(retryAfterOf(refused())).toBeUndefined()
  })
})

describe('afterAttempts', () => {
  it('tells the number of attempts and keeps everything else', () => {
    const cause = new Error('why')
    const error = new DfError('SourceUnavailable', 'Down.', { cause, details: { a: 1 } })
    const told = afterAttempts(error, 3)
    expect(told).toMatchObject({ code: error.code, cause, details: { a: 1, attempts: 3 } })
    expect(told.message).toBe('Down. It was tried 3 times.')
    expect(afterAttempts(error, 1)).toBe(error)
  })
})
