import { describe, expect, it } from 'vitest'
import { DfError, isAbort, isDfError } from './df-error.ts'

describe('DfError', () => {
  it('knows from its code who is to blame and whether to try again', () => {
    const error = new DfError('PieceCorrupt', 'wrong bytes')
    expect(error).toMatchObject({ blame: 'peer', retryable: true, details: {} })
    expect(new DfError('PieceCorrupt', 'x', { retryable: false }).retryable).toBe(false)
  })

  it('keeps an error of its kind and wraps any other', () => {
    const error = new DfError('Timeout', 'late')
    expect(DfError.from(error)).toBe(error)
    const cause = new Error('ENOSPC')
    expect(DfError.from(cause, 'DiskFull')).toMatchObject({ code: 'DiskFull', cause })
    expect(DfError.from('text').message).toBe('text')
  })
})

describe('isDfError', () => {
  it('looks at the shape and at the code', () => {
    const foreign = Object.assign(new Error('x'), { name: 'DfError', code: 'Timeout' })
    expect([isDfError(foreign), isDfError(foreign, 'Timeout')]).toEqual([true, true])
    expect(isDfError(foreign, 'DiskFull')).toBe(false)
  })

  it.each([[undefined], ['DfError'], [new Error('x')], [{ name: 'DfError', code: 'Timeout' }]])(
    'refuses %s',
    (thrown) => {
      expect(isDfError(thrown)).toBe(false)
    },
  )
})

describe('isAbort', () => {
  it('is true for an AbortError and for the reason of the signal', () => {
    const reason = new DfError('Timeout', 'late')
    expect(isAbort(new DOMException('x', 'AbortError'))).toBe(true)
    expect(isAbort(reason, AbortSignal.abort(reason))).toBe(true)
  })

  it('is false for anything else', () => {
    const reason = new DfError('Timeout', 'late')
    expect(isAbort(reason)).toBe(false)
    expect(isAbort(new Error('x'), AbortSignal.abort(reason))).toBe(false)
    expect(isAbort(undefined, new AbortController().signal)).toBe(false)
  })
})
