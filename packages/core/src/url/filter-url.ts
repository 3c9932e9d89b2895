import { parseUrl } from './parse-url.ts'

/**
 * Query parameters that say who asks and until when, not what is asked for: signatures of S3, GCS, OSS, OBS and
 * COS, and the `ns` of containerd's registry mirrors. Case matters (interop.md 5.3).
 */
export const defaultFilteredQueryParams: readonly string[] = [
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-SignedHeaders',
  'X-Amz-Signature',
  'X-Amz-Security-Token',
  'X-Amz-User-Agent',
  'X-Goog-Algorithm',
  'X-Goog-Credential',
  'X-Goog-Date',
  'X-Goog-Expires',
  'X-Goog-SignedHeaders',
  'X-Goog-Signature',
  'OSSAccessKeyId',
  'Expires',
  'Signature',
  'SecurityToken',
  'AccessKeyId',
  'X-Obs-Date',
  'X-Obs-Security-Token',
  'q-sign-algorithm',
  'q-ak',
  'q-sign-time',
  'q-key-time',
  'q-header-list',
  'q-url-param-list',
  'q-signature',
  'x-cos-security-token',
  'ns',
]

/**
 * The URL that a task id is made of: without the query parameters in `params`, the others kept in order and
 * encoded anew (also when nothing is filtered: `%20` becomes `+`), and a bare host without its slash.
 */
export function filterUrl(text: string, params: readonly string[] = []): string {
  const url = parseUrl(text)
  const kept = [...url.searchParams].filter(([key]) => !params.includes(key))
  url.search = new URLSearchParams(kept).toString()
  return url.pathname === '/' ? url.href.replace(/\/+$/, '') : url.href
}
