import { describe, expect, it } from 'vitest'
import { contentLengthOf, keptHeader, wholeObjectHeader } from './response-header.ts'

describe('keptHeader', () => {
  it('joins lines, and drops cookies and what belongs to the connection', () => {
    const raw = {
      etag: '"a"',
      'x-two': ['1', '2'],
      'set-cookie': ['a=b'],
      connection: 'X-Hop, close',
      'x-hop': 'x',
      'keep-alive': 'timeout=5',
      'transfer-encoding': 'chunked',
    }
    expect(keptHeader(raw)).toEqual({ etag: '"a"', 'x-two': '1, 2' })
  })
})

describe('contentLengthOf', () => {
  it.each([
    ['0', 0],
    ['12', 12],
    ['-1', undefined],
    ['1, 1', undefined],
    ['99999999999999999999', undefined],
  ])('reads %j', (text, length) => {
    expect(contentLengthOf({ 'content-length': text })).toBe(length)
  })
})

describe('wholeObjectHeader', () => {
  it('tells the header of one byte as that of the whole', () => {
    const header = { 'content-length': '1', 'content-range': 'bytes 0-0/9', etag: '"a"' }
    expect(wholeObjectHeader(header, 9)).toEqual({ 'content-length': '9', etag: '"a"' })
    expect(wholeObjectHeader(header, undefined)).toEqual({ etag: '"a"' })
  })
})
