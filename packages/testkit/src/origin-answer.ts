import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { type Content, contentOf } from './content.ts'
import { ifRangeHolds, parseRange } from './http-range.ts'
import type { Behaviour, OriginObject } from './origin-faults.ts'

/** A complete answer; the body is `content` from `start` up to `end`, left out for HEAD. */
export interface Answer {
  status: number
  headers: OutgoingHttpHeaders
  content: Content
  start: number
  end: number
  hasBody: boolean
}

/** Decides status, headers and the range of bytes; sends nothing. */
export function answerTo(
  method: string,
  headers: IncomingHttpHeaders,
  behaviour: Behaviour,
): Answer {
  const answer = chooseAnswer(method, headers, behaviour)
  // RFC 9110 §8.6: neither of these has a body, and HEAD tells the length that GET would have.
  const isBodiless = answer.status === 204 || answer.status === 304
  answer.hasBody = method !== 'HEAD' && !isBodiless
  if (!behaviour.isChunked && !isBodiless)
    answer.headers['Content-Length'] = behaviour.claimBytes ?? answer.end - answer.start
  return answer
}

function chooseAnswer(method: string, headers: IncomingHttpHeaders, behaviour: Behaviour): Answer {
  const { instead, object } = behaviour
  if (instead !== undefined) return textAnswer(instead.code, instead.headers)
  if (method !== 'GET' && method !== 'HEAD') return textAnswer(405, { Allow: 'GET, HEAD' })
  if (object === undefined) return textAnswer(404, {})
  const whole = wholeAnswer(object, behaviour)
  if (behaviour.ranges === 'ignored' || behaviour.ranges === 'none') return whole
  // RFC 9110 §14.2: a Range means something only with GET.
  return method === 'GET' ? rangeAnswer(whole, headers, object, behaviour) : whole
}

function wholeAnswer(object: OriginObject, { ranges }: Behaviour): Answer {
  const headers: OutgoingHttpHeaders = {
    'Content-Type': object.contentType,
    'Accept-Ranges': ranges === 'none' ? 'none' : 'bytes',
  }
  if (object.etag !== undefined) headers.ETag = object.etag
  if (object.lastModified !== undefined)
    headers['Last-Modified'] = object.lastModified.toUTCString()
  const { content } = object
  return { status: 200, headers, content, start: 0, end: content.sizeBytes, hasBody: true }
}

function rangeAnswer(
  whole: Answer,
  headers: IncomingHttpHeaders,
  object: OriginObject,
  behaviour: Behaviour,
): Answer {
  const size = object.content.sizeBytes
  const asked = parseRange(headers.range, size)
  const ifRange = headers['if-range']
  const condition = Array.isArray(ifRange) ? ifRange[0] : ifRange
  if (asked.kind === 'whole') return whole
  if (!ifRangeHolds(condition, object.etag, object.lastModified?.toUTCString())) return whole
  if (asked.kind === 'unsatisfiable') return textAnswer(416, { 'Content-Range': `bytes */${size}` })
  const { start, end } = behaviour.ranges === 'wrong' ? otherRange(asked, size) : asked
  return {
    ...whole,
    status: 206,
    headers: { ...whole.headers, 'Content-Range': `bytes ${start}-${end - 1}/${size}` },
    start,
    end,
  }
}

/** Another range near the one asked for, of the same length where the object allows it. */
function otherRange(
  { start, end }: { start: number; end: number },
  size: number,
): { start: number; end: number } {
  if (start > 0) return { start: start - 1, end: end - 1 }
  if (end < size) return { start: 1, end: end + 1 }
  return { start: 0, end: Math.max(1, end - 1) }
}

function textAnswer(status: number, headers: OutgoingHttpHeaders): Answer {
  const content = contentOf(Buffer.from(`status ${status}\n`))
  return {
    status,
    headers: { 'Content-Type': 'text/plain', ...headers },
    content,
    start: 0,
    end: content.sizeBytes,
    hasBody: true,
  }
}
