import { isDfError } from '@damselfly/core'
import { describe, expect, it } from 'vitest'
import { rejectChanged } from './content.ts'

const url = new URL('http://example.com/f')

/** Whether an answer with the header `now` contradicts a stat with the header `before`. */
function isChanged(
  before: Record<string, string>,
  now: Record<string, string>,
  lengths: { before?: number; now?: number } = {},
): boolean {
  try {
    const expect = { contentLength: lengths.before, header: before }
    rejectChanged({ url, header: now }, lengths.now, expect)
    return false
  } catch (error) {
    if (isDfError(error, 'SourceChanged')) return true
    throw error
  }
}

describe('rejectChanged', () => {
  const [monday, tuesday] = [{ 'last-modified': 'Mon' }, { 'last-modified': 'Tue' }]

  it('compares lengths that are known', () => {
    expect(isChanged({}, {}, { before: 1, now: 2 })).toBe(true)
    expect(isChanged({}, {}, { before: 1, now: 1 })).toBe(false)
    expect(isChanged({}, {}, { before: 1 })).toBe(false)
    expect(isChanged({}, {}, { now: 1 })).toBe(false)
  })

  it('compares ETags whether or not they are weak', () => {
    expect(isChanged({ etag: '"a"' }, { etag: '"b"' })).toBe(true)
    expect(isChanged({ etag: '"a"' }, { etag: 'W/"a"' })).toBe(false)
    expect(isChanged({ etag: '"a"' }, {})).toBe(false)
  })

  it('compares dates, unless a strong ETag says that nothing changed', () => {
    expect(isChanged(monday, tuesday)).toBe(true)
    expect(isChanged(monday, {})).toBe(false)
    expect(isChanged({ etag: '"a"', ...monday }, { etag: '"a"', ...tuesday })).toBe(false)
    expect(isChanged({ etag: 'W/"a"', ...monday }, { etag: 'W/"a"', ...tuesday })).toBe(true)
  })
})
