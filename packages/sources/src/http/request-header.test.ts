import { describe, expect, it } from 'vitest'
import { callerHeader, portableHeader, readHeader } from './request-header.ts'

describe('callerHeader', () => {
  it('removes ranges, conditions, codings and what belongs to a connection, in any case', () => {
    const header = {
      Range: 'bytes=0-1',
      'if-None-Match': '"x"',
      'Accept-Encoding': 'br',
      Connection: 'close',
      'Transfer-Encoding': 'chunked',
      Authorization: 'Bearer x',
      'X-Own': 'y',
    }
    expect(callerHeader(header)).toEqual({ authorization: 'Bearer x', 'x-own': 'y' })
  })
})

describe('portableHeader', () => {
  it('keeps only what is known to be harmless', () => {
    const header = { cookie: 'a', 'x-api-key': 'b', host: 'c', accept: '*/*' }
    expect(portableHeader(header)).toEqual({ accept: '*/*' })
  })
})

describe('readHeader', () => {
  const range = { start: 5, length: 10 }
  const ifRange = (header: Record<string, string>): string | undefined =>
    readHeader(range, { contentLength: 100, header })['if-range']

  it('asks for no range when everything is wanted, and then for no condition', () => {
    const stat = { contentLength: 100, header: { etag: '"v1"' } }
    expect(readHeader(undefined, stat)).toEqual({ 'accept-encoding': 'identity' })
  })

  it('makes a strong ETag the condition', () => {
    expect(readHeader(range, { contentLength: 100, header: { etag: '"v1"' } })).toEqual({
      'accept-encoding': 'identity',
      range: 'bytes=5-14',
      'if-range': '"v1"',
    })
  })

  it('never uses a weak ETag, which RFC 9110 forbids', () => {
    expect(ifRange({ etag: 'W/"v1"' })).toBeUndefined()
  })

  it('uses a date only when it is old enough to be strong', () => {
    const modified = 'Sun, 06 Nov 1994 08:49:37 GMT'
    const header = { 'last-modified': modified }
    expect(ifRange({ ...header, date: 'Sun, 06 Nov 1994 08:49:38 GMT' })).toBe(modified)
    expect(ifRange({ ...header, date: modified })).toBeUndefined()
    expect(ifRange(header)).toBeUndefined()
  })
})
