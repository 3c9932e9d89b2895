import type { Header } from './request-header.ts'

/** As Node gives it: lower-case names. */
type RawHeader = Readonly<Record<string, string | readonly string[] | undefined>>

/** Said about one connection, not about the content (RFC 9110 §7.6.1). Cookies are secrets. */
const dropped = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'set-cookie',
  'set-cookie2',
])

/** What is kept of an answer's header; several lines of a name are joined (RFC 9110 §5.3). */
export function keptHeader(raw: RawHeader): Header {
  const named = new Set(
    joined(raw.connection)
      .toLowerCase()
      .split(/\s*,\s*/),
  )
  const kept: [string, string][] = []
  for (const [name, value] of Object.entries(raw)) {
    if (value === undefined || dropped.has(name) || named.has(name)) continue
    kept.push([name, joined(value)])
  }
  return Object.fromEntries(kept)
}

const joined = (value: string | readonly string[] | undefined): string =>
  typeof value === 'string' ? value : (value?.join(', ') ?? '')

/** `Content-Length` as a number; `undefined` when it is absent or no number that can be counted with. */
export function contentLengthOf(header: Header): number | undefined {
  const text = header['content-length']
  if (text === undefined || !/^\d+$/.test(text)) return undefined
  const length = Number(text)
  return Number.isSafeInteger(length) ? length : undefined
}

/** The header of one part or one byte, told as that of the whole object. */
export function wholeObjectHeader(header: Header, contentLength: number | undefined): Header {
  const { 'content-length': _length, 'content-range': _range, ...rest } = header
  return contentLength === undefined ? rest : { ...rest, 'content-length': String(contentLength) }
}
