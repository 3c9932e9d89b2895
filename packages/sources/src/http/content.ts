import { type ByteRange, type ContentRange, parseContentRange } from '@damselfly/core'
import type { SourceStat } from '../source.ts'
import { changed, protocolError } from './errors.ts'
import type { Answer } from './exchange.ts'
import type { Header } from './request-header.ts'
import { contentLengthOf } from './response-header.ts'

/** What the body of an answer is: which bytes of the object. */
export interface Content {
  readonly start: number
  /** Bytes that the body has to have; `undefined` when nobody knows. */
  readonly length: number | undefined
}

/**
 * Decides what the body of a successful answer is, or why it cannot be used. That the object changed is looked at
 * first: a 200 for a range then means that `If-Range` did not hold, else that the origin does not serve ranges.
 */
export function contentOf(
  answer: Answer,
  asked: ByteRange | undefined,
  expect: SourceStat | undefined,
): Content {
  const part = answer.statusCode === 206 ? contentRangeOf(answer) : undefined
  const total = part === undefined ? wholeLengthOf(answer) : part.total
  rejectChanged(answer, total, expect)
  rejectCoded(answer, total)
  if (part === undefined) return { start: 0, length: total ?? expect?.contentLength }
  return { start: asked?.start ?? 0, length: partLength(answer, part.range, asked, total) }
}

/** The length of an object that was sent, or would have been, as a whole. */
export const wholeLengthOf = ({ statusCode, header }: Answer): number | undefined =>
  statusCode === 204 ? 0 : contentLengthOf(header)

/** The `Content-Range` of a 206, which has to carry one (RFC 9110 §15.3.7). */
export function contentRangeOf(answer: Answer): ContentRange {
  const text = answer.header['content-range']
  if (text === undefined) throw protocolError(answer.url, 'answered 206 without Content-Range')
  try {
    return parseContentRange(text)
  } catch (cause) {
    throw protocolError(answer.url, 'answered 206 with a Content-Range that cannot be read', cause)
  }
}

/** RFC 9110 §15.3.7 lets an origin send less than was asked for; only the end of the object is a reason for us. */
function partLength(
  answer: Answer,
  got: ByteRange | undefined,
  asked: ByteRange | undefined,
  total: number | undefined,
): number {
  const { url, header } = answer
  if (asked === undefined) throw protocolError(url, 'answered a part (206) to a request for all')
  const length = Math.min(asked.length, (total ?? Number.POSITIVE_INFINITY) - asked.start)
  if (got?.start !== asked.start || got.length !== length) {
    const wanted = describeRange({ start: asked.start, length })
    throw protocolError(
      url,
      `answered the range ${wanted} with ${got ? describeRange(got) : 'none'}`,
    )
  }
  const stated = contentLengthOf(header)
  if (stated !== undefined && stated !== length) {
    throw protocolError(
      url,
      `states ${stated} bytes (Content-Length) for a range of ${length} bytes`,
    )
  }
  return length
}

const describeRange = ({ start, length }: ByteRange): string => `${start}-${start + length - 1}`

/** Throws `SourceChanged` when an answer contradicts what is known about the object. */
export function rejectChanged(
  answer: Pick<Answer, 'url' | 'header'>,
  total: number | undefined,
  expect: SourceStat | undefined,
): void {
  if (expect === undefined) return
  if (total !== undefined && expect.contentLength !== undefined && total !== expect.contentLength) {
    throw changed(answer.url, `it had ${expect.contentLength} bytes and now has ${total}`)
  }
  const validator = changedValidator(expect.header, answer.header)
  if (validator !== undefined) throw changed(answer.url, `its ${validator} is another one`)
}

/**
 * A strong ETag that stayed the same settles it: bytes copied anew get a new date. ETags are compared without `W/`
 * (RFC 9110 §8.8.3.2, weak comparison), since some servers weaken them on the way.
 */
function changedValidator(before: Header, now: Header): string | undefined {
  if (before.etag !== undefined && now.etag !== undefined) {
    if (opaqueTag(before.etag) !== opaqueTag(now.etag)) return 'ETag'
    if (before.etag === now.etag && !now.etag.startsWith('W/')) return undefined
  }
  const [was, is] = [before['last-modified'], now['last-modified']]
  return was !== undefined && is !== undefined && was !== is ? 'Last-Modified date' : undefined
}

const opaqueTag = (etag: string): string => etag.replace(/^W\//, '')

/**
 * An object may be stored coded (`Content-Encoding: gzip` on a .tar.gz): its length, ranges and ETag are then those of
 * the coded bytes (RFC 9110 §8.4), which are passed on as they are. A coding made on the way has no length beforehand,
 * and its bytes may differ each time: pieces of it would not fit together. A transfer coding belongs to the connection
 * and would have to be undone here (RFC 9112 §7).
 */
function rejectCoded(answer: Answer, total: number | undefined): void {
  const content = answer.header['content-encoding'] ?? 'identity'
  if (content.toLowerCase() !== 'identity' && total === undefined) {
    throw protocolError(answer.url, 'is compressed on the way although that was refused')
  }
  const transfer = answer.transferEncoding.toLowerCase()
  if (transfer !== '' && transfer !== 'chunked') {
    throw protocolError(answer.url, 'uses a transfer coding that was not offered')
  }
}
