import { DfError } from '../errors/df-error.ts'

/** An absolute URL. The error leaves out the query, which may hold a signature, and the user info. */
export function parseUrl(text: string): URL {
  const url = URL.parse(text)
  if (url !== null) return url
  const shown = text.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//')
  throw new DfError('InvalidArgument', `"${shown}" is not an absolute URL.`)
}
