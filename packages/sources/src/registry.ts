import { DfError } from '@damselfly/core'
import type { Source } from './source.ts'

/** The origins that this process can ask, by URL scheme. */
export interface SourceRegistry {
  /** Every scheme that has a source, in the order of registration. */
  readonly schemes: readonly string[]
  /** Reads a URL that somebody typed; an error says what is wrong with it. */
  parseUrl(text: string): URL
  /** The source that serves the URL's scheme. */
  for(url: URL): Source
  /** Closes every source, also when one of them fails to. */
  close(): Promise<void>
}

/** One source per scheme; two sources for the same scheme are a mistake of the composition root. */
export function sourceRegistry(sources: readonly Source[]): SourceRegistry {
  const byScheme = new Map<string, Source>()
  for (const source of sources) {
    for (const scheme of source.schemes) {
      if (byScheme.has(scheme)) {
        throw new DfError('Internal', `Two sources are registered for the scheme "${scheme}".`)
      }
      byScheme.set(scheme, source)
    }
  }
  const schemes = [...byScheme.keys()]
  return {
    schemes,
    parseUrl,
    for(url) {
      const source = byScheme.get(schemeOf(url))
      if (source === undefined) throw unknownScheme(url, schemes)
      return source
    },
    async close() {
      const results = await Promise.allSettled(sources.map((source) => source.close()))
      const failures = results.flatMap((r) =>
        r.status === 'rejected' ? [r.reason as unknown] : [],
      )
      if (failures.length > 0) throw new AggregateError(failures, 'closing sources failed')
    },
  }
}

const schemeOf = (url: URL): string => url.protocol.slice(0, -1)

function parseUrl(text: string): URL {
  const url = URL.parse(text)
  if (url !== null) return url
  throw new DfError(
    'InvalidArgument',
    `The URL "${withoutSecrets(text)}" cannot be read: ${complaint(text)}`,
  )
}

function complaint(text: string): string {
  const example = 'Write it like https://example.com/file.'
  if (text.trim() === '') return `it is empty. ${example}`
  const match = /^([a-z][a-z0-9+.-]*):(\/\/)?([^/?#]*)/i.exec(text.trim())
  if (match === null) return `it does not start with a scheme. ${example}`
  const host = (match[3] ?? '').replace(/^.*@/, '')
  if (match[2] === undefined || host === '') return `it names no host. ${example}`
  if (/:\d+$/.test(host) && Number(/\d+$/.exec(host)?.[0]) > 65_535) {
    return 'its port is larger than 65535.'
  }
  return `"${host}" is not a host name, or its port is not a number. ${example}`
}

/** Queries and userinfo may hold credentials, and errors end up in logs. */
const withoutSecrets = (text: string): string =>
  text.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//')

function unknownScheme(url: URL, schemes: readonly string[]): DfError {
  const scheme = schemeOf(url)
  const known = schemes.length === 0 ? 'none' : schemes.join(', ')
  // "localhost:8080/file" is a URL whose scheme is "localhost".
  const hint = /^\d/.test(url.pathname)
    ? ` If "${scheme}" is a host, write http:// in front of it.`
    : ''
  return new DfError(
    'UnknownScheme',
    `No source serves URLs of the scheme "${scheme}". The schemes that can be used are: ${known}.${hint}`,
    { details: { scheme, schemes } },
  )
}
