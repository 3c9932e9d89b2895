import type { DfError } from '@damselfly/core'
import { brokenRedirect } from './errors.ts'
import { portableHeader } from './request-header.ts'
import { type Target, targetWith } from './target.ts'

const redirects = new Set([301, 302, 303, 307, 308])

export const isRedirect = (statusCode: number): boolean => redirects.has(statusCode)

/** Decides where a redirect may lead, and what of the caller's header goes along. */
export function redirectTarget(from: Target, location: string | undefined): Target {
  if (location === undefined) throw refuse(from, 'without saying where to (no Location header)')
  const url = URL.parse(location, from.url.href)
  if (url === null) throw refuse(from, 'to something that is not a URL')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refuse(from, `to the scheme "${url.protocol.slice(0, -1)}", which is not followed`)
  }
  if (from.url.protocol === 'https:' && url.protocol === 'http:') {
    throw refuse(
      from,
      `from https to plain http (${url.host}), where anybody may change the content`,
    )
  }
  // Credentials that were left behind stay so, also when a later redirect leads back.
  const header = url.origin === from.url.origin ? from.header : portableHeader(from.header)
  return targetWith(url, header)
}

const refuse = (from: Target, how: string): DfError => brokenRedirect(from.url, how)
