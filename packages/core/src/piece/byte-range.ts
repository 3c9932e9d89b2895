import { DfError } from '../errors/df-error.ts'

/** `length` bytes from `start`. */
export interface ByteRange {
  readonly start: number
  readonly length: number
}

/** What a `Content-Range` header says; `range` is absent in the answer 416, `total` when it is `*`. */
export interface ContentRange {
  readonly range?: ByteRange
  readonly total?: number
}

const rangePattern = /^bytes\s*=\s*(\d*)\s*-\s*(\d*)$/i
const contentRangePattern = /^bytes\s+(?:(\d+)-(\d+)|(\*))\/(?:(\d+)|\*)$/i

/**
 * Reads the single range of a `Range` header (RFC 9110 §14.1.2): `bytes=a-b`, `bytes=a-`, `bytes=-n`.
 * An end behind the content is cut to it; a range without any byte of the content is an error.
 */
export function parseRangeHeader(text: string, contentLength: number): ByteRange {
  if (text.includes(',')) throw invalid(text, 'only a single range is supported')
  const match = rangePattern.exec(text.trim())
  if (match === null) throw invalid(text, 'expected bytes=a-b, bytes=a- or bytes=-n')
  const first = position(match[1], text)
  const last = position(match[2], text)
  if (first === undefined) {
    if (last === undefined) throw invalid(text, 'it has neither a start nor an end')
    const length = Math.min(last, contentLength)
    if (length === 0) throw unsatisfiable(text, contentLength)
    return { start: contentLength - length, length }
  }
  if (last !== undefined && last < first) throw invalid(text, 'it ends before it starts')
  if (first >= contentLength) throw unsatisfiable(text, contentLength)
  const end = Math.min(last ?? contentLength - 1, contentLength - 1)
  return { start: first, length: end - first + 1 }
}

/** The `Range` header that asks for `range`, e.g. `bytes=0-9`. HTTP cannot ask for zero bytes. */
export function formatRangeHeader(range: ByteRange): string {
  if (range.length < 1) {
    throw new DfError('InvalidArgument', `A Range header cannot ask for ${range.length} bytes.`)
  }
  return `bytes=${range.start}-${range.start + range.length - 1}`
}

/** Reads a `Content-Range` header (RFC 9110 §14.4): `bytes 0-9/100`, with a star for what is unknown. */
export function parseContentRange(text: string): ContentRange {
  const match = contentRangePattern.exec(text.trim())
  if (match === null) throw invalidContentRange(text)
  const first = position(match[1], text)
  const last = position(match[2], text)
  const total = position(match[4], text)
  const known = total === undefined ? {} : { total }
  if (first === undefined || last === undefined) {
    if (total === undefined) throw invalidContentRange(text)
    return known
  }
  if (last < first || (total !== undefined && last >= total)) throw invalidContentRange(text)
  return { range: { start: first, length: last - first + 1 }, ...known }
}

function position(digits: string | undefined, text: string): number | undefined {
  if (digits === undefined || digits === '') return undefined
  const value = Number(digits)
  if (!Number.isSafeInteger(value)) throw invalid(text, `${digits} is too large`)
  return value
}

const invalid = (text: string, why: string): DfError =>
  new DfError('InvalidArgument', `The range "${text}" is invalid: ${why}.`, {
    details: { range: text },
  })

const unsatisfiable = (text: string, contentLength: number): DfError =>
  new DfError(
    'InvalidArgument',
    `The range "${text}" cannot be satisfied: the content has ${contentLength} bytes.`,
    { details: { range: text, contentLength, unsatisfiable: true } },
  )

const invalidContentRange = (text: string): DfError =>
  new DfError('InvalidArgument', `The Content-Range "${text}" is invalid.`, {
    details: { contentRange: text },
  })
