/** The head of an answer whose body is a known number of bytes, with nothing else said about how it comes. */
export interface PlainHead {
  /** Up to and including the empty line. */
  readonly headLength: number
  /** What `Content-Length` says. */
  readonly bodyLength: number
  /** Where its digits are. */
  readonly digits: { readonly start: number; readonly end: number }
}

/** What Node's parser allows. */
const maxHeadBytes = 16 * 1024

/** Whole lines without folding, control characters and bare line ends. */
const strict =
  /^HTTP\/1\.1 20[06] [\t\x20-\x7e]*\r\n(?:[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*\r\n)+\r\n$/
const framing = /(?:content-length|transfer-encoding|trailer|upgrade)[^:\r\n]*:/gi
const lengthLine = /\r\ncontent-length:[\t ]*(\d{1,15})[\t ]*\r\n/i

/**
 * Finds the head at the start of what a connection received. `undefined` for all that is not the usual: statuses without
 * content, codings, several lengths, a head that has not come as a whole. Node's parser makes sense of these.
 */
export function plainHead(bytes: Uint8Array): PlainHead | undefined {
  const received = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, maxHeadBytes))
  const end = received.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const text = received.toString('latin1', 0, end + 4)
  const line = lengthLine.exec(text)
  if (line?.[1] === undefined || !strict.test(text) || text.match(framing)?.length !== 1) {
    return undefined
  }
  const start = line.index + line[0].lastIndexOf(line[1])
  return {
    headLength: text.length,
    bodyLength: Number(line[1]),
    digits: { start, end: start + line[1].length },
  }
}
