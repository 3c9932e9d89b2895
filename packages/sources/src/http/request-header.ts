import { type ByteRange, formatRangeHeader } from '@damselfly/core'
import type { SourceStat } from '../source.ts'

/** Lower-case names. */
export type Header = Readonly<Record<string, string>>

/**
 * Never taken from the caller: the range and the coding are ours to ask for; a condition could turn the content
 * into 304 or 412; the rest belongs to one connection (RFC 9110 §7.6.1) or to a body that we do not send.
 */
const notForwarded = new Set([
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'accept-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'expect',
])

/**
 * What may follow a redirect to another origin. Not only Authorization and Cookie are secrets: PRIVATE-TOKEN,
 * X-JFrog-Art-Api and their like are too, so everything is left behind that is not known to be harmless.
 */
const portable = new Set(['accept', 'accept-language', 'user-agent'])

export function callerHeader(header: Header): Header {
  return pick(header, (name) => !notForwarded.has(name))
}

export function portableHeader(header: Header): Header {
  return pick(header, (name) => portable.has(name))
}

function pick(header: Header, keep: (name: string) => boolean): Header {
  const entries = Object.entries(header).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  )
  return Object.fromEntries(entries.filter(([name]) => keep(name)))
}

/** Lengths and offsets only mean the same to everybody when nobody compresses on the way. */
export const plainHeader: Header = { 'accept-encoding': 'identity' }

/** What a read asks for, with `If-Range` where `expect` allows one. */
export function readHeader(range: ByteRange | undefined, expect: SourceStat | undefined): Header {
  if (range === undefined) return plainHeader
  const header = { ...plainHeader, range: formatRangeHeader(range) }
  const validator = expect === undefined ? undefined : ifRangeValidator(expect.header)
  return validator === undefined ? header : { ...header, 'if-range': validator }
}

/**
 * The validator for `If-Range`, which must be strong (RFC 9110 §13.1.5): an ETag without `W/`, or a Last-Modified
 * at least a second older than the answer that carried it (§8.8.2.2), since a file may change twice in a second.
 */
function ifRangeValidator(header: Header): string | undefined {
  const { etag, 'last-modified': modified, date } = header
  if (etag?.startsWith('"') === true) return etag
  if (etag !== undefined || modified === undefined || date === undefined) return undefined
  const ageMs = Date.parse(date) - Date.parse(modified)
  return ageMs >= 1000 ? modified : undefined
}
