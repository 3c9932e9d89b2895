import { request } from 'node:http'
import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainHead } from './plain-head.ts'

const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`
const usual = head('HTTP/1.1 200 OK', 'Server: x', 'Content-Length: 500000', 'ETag: "\xfc"')
const read = (text: string): ReturnType<typeof plainHead> => plainHead(Buffer.from(text, 'latin1'))

describe('plainHead', () => {
  it('finds the length, and where it stands', () => {
    const found = read(`${usual}body`)
    expect(found).toMatchObject({ headLength: usual.length, bodyLength: 500_000 })
    expect(usual.slice(found?.digits.start, found?.digits.end)).toBe('500000')
  })

  it.each([
    head('HTTP/1.1 206 Partial Content', 'content-length:7'),
    head('HTTP/1.1 200 ', 'CONTENT-LENGTH: \t 7 \t'),
    head('HTTP/1.1 200 OK', 'Content-Length: 007', 'Connection: close'),
  ])('reads %j', (text) => {
    expect(read(text)?.bodyLength).toBe(7)
  })

  it.each([
    ['a status without content', head('HTTP/1.1 304 Not Modified', 'Content-Length: 7')],
    ['a redirect', head('HTTP/1.1 302 Found', 'Content-Length: 7')],
    ['an interim answer', head('HTTP/1.1 103 Early Hints', 'Content-Length: 7')],
    ['HTTP/1.0', head('HTTP/1.0 200 OK', 'Content-Length: 7')],
    ['no length', head('HTTP/1.1 200 OK', 'Server: x')],
    ['two lengths', head('HTTP/1.1 200 OK', 'Content-Length: 7', 'content-length: 7')],
    ['a list of lengths', head('HTTP/1.1 200 OK', 'Content-Length: 7, 7')],
    ['a length with a sign', head('HTTP/1.1 200 OK', 'Content-Length: +7')],
    ['a length past counting', head('HTTP/1.1 200 OK', `Content-Length: ${'9'.repeat(16)}`)],
    ['chunks', head('HTTP/1.1 200 OK', 'Content-Length: 7', 'Transfer-Encoding: chunked')],
    ['an upgrade', head('HTTP/1.1 200 OK', 'Content-Length: 7', 'Upgrade: h2c')],
    ['a folded line', head('HTTP/1.1 200 OK', 'Content-Length: 7', ' 8')],
    ['a space before the colon', head('HTTP/1.1 200 OK', 'Content-Length : 7')],
    ['a bare line feed', head('HTTP/1.1 200 OK', 'X: y\nContent-Length: 7')],
    ['a bare carriage return', head('HTTP/1.1 200 OK', 'Content-Length: 7\r', 'X: y')],
    ['a zero byte', head('HTTP/1.1 200 OK', 'X: \0', 'Content-Length: 7')],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n'],
    ['no head at all', '220 mail.example ESMTP\r\n\r\n'],
    ['more than a head', `${'x'.repeat(20_000)}\r\n\r\n`],
  ])('leaves %s to the parser', (_, text) => {
    expect(read(text)).toBeUndefined()
  })

  it('takes no time that grows with its square', () => {
    for (const piece of ['a: b\r\n', 'content-length:', 'a', ' ', '\r\n'])
      expect(read(`HTTP/1.1 200 OK\r\n${piece.repeat(16_000)}\r\n\r\n`)).toBeUndefined()
  })

  it('takes only heads that the parser takes too, for the same length', async () => {
    const bits = ['\r\n', '\r', '\n', ':', ' ', '\t', '0', '7', ',', '\0', '\xff', 'chunked']
    const names = ['Content-Length: 9', 'Transfer-Encoding:', 'Connection: close', 'X', '\r\n\r\n']
    const edit = fc.record({
      at: fc.nat(usual.length),
      cut: fc.nat(3),
      text: fc.constantFrom('', ...bits, ...names),
    })
    let taken = 0
    const property = fc.asyncProperty(fc.array(edit, { maxLength: 3 }), async (edits) => {
      const text = edits.reduce(
        (old, { at, cut, text: put }) => old.slice(0, at) + put + old.slice(at + cut),
        usual,
      )
      const found = read(text)
      if (found === undefined) return
      taken += 1
      expect(await lengthByNode(text.slice(0, found.headLength))).toBe(String(found.bodyLength))
    })
    await fc.assert(property, { numRuns: 2000, seed: 1 })
    expect(taken).toBeGreaterThan(100)
  })
})

/** What Node reads as the length, without leading zeros; fails where Node does. */
function lengthByNode(text: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const connection = new Duplex({
      read() {},
      write(_chunk, _encoding, written) {
        written()
        this.push(Buffer.from(text, 'latin1'))
      },
    })
    request({ createConnection: () => connection })
      .on('response', ({ headers }) => {
        resolve(headers['content-length']?.replace(/^0+(?=\d)/, ''))
        connection.destroy()
      })
      .on('error', reject)
      .end()
  })
}
