import { DfError } from '@damselfly/core'
import type { SourceRequest } from '../source.ts'
import { callerHeader, type Header } from './request-header.ts'

/** Where the next request goes, and which of the caller's headers may go there. */
export interface Target {
  /** Without userinfo: that has become an `authorization` header. */
  readonly url: URL
  readonly header: Header
}

export function targetOf(request: SourceRequest): Target {
  return targetWith(request.url, callerHeader(request.header))
}

/** Turns userinfo into Basic credentials (RFC 7617), unless the header brings its own. */
export function targetWith(from: URL, header: Header): Target {
  if (from.username === '' && from.password === '') return { url: from, header }
  const url = new URL(from)
  url.username = ''
  url.password = ''
  if (header.authorization !== undefined) return { url, header }
  const pair = `${decoded(from.username, url)}:${decoded(from.password, url)}`
  const authorization = `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`
  return { url, header: { ...header, authorization } }
}

/** How a URL appears in messages and logs: query string and userinfo may hold credentials. */
export const describeUrl = (url: URL): string => `${url.origin}${url.pathname}`

/** Host and port as a person would check them, the default port included. */
export function describeHost(url: URL): string {
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
  return `${url.hostname}:${port}`
}

function decoded(userinfo: string, url: URL): string {
  try {
    return decodeURIComponent(userinfo)
  } catch (cause) {
    throw new DfError(
      'InvalidArgument',
      `The user name or password in the URL of ${describeUrl(url)} is not valid percent-encoding. Write a literal % as %25.`,
      { cause },
    )
  }
}
