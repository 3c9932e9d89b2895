/** Keys whose values are never written, in any spelling of upper and lower case. */
const secretKeys = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'password',
  'token',
  'secret',
])
/** Requests may carry secrets in headers of any name (PRIVATE-TOKEN, X-JFrog-Art-Api): only the names are written. */
const headerKey = /^(?:request|response)?[_-]?headers?$/i
/** `url`, `sourceUrl`: who may read it is often in the query or before the host. */
const urlKey = /url$/i
/** Almost no line has such a key, and only those that do are parsed. */
const anyKey = new RegExp(`"(?:${[...secretKeys].join('|')}|[^"]*headers?|[^"]*url)":`, 'i')

const hidden = '[Redacted]'

/** A line of JSON without the secrets in it, wherever they lie: headers are nested deep, also in the details of errors. */
export function redactLine(line: string): string {
  if (!anyKey.test(line)) return line
  try {
    return `${JSON.stringify(redacted(JSON.parse(line)))}\n`
  } catch {
    return `{"msg":"a log line that is not JSON was left out"}\n`
  }
}

function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted)
  if (!isObject(value)) return value
  return mapValues(value, (child, key) => {
    if (secretKeys.has(key.toLowerCase())) return hidden
    if (headerKey.test(key)) return withoutValues(child)
    if (urlKey.test(key) && typeof child === 'string') return bareUrl(child)
    return redacted(child)
  })
}

/** Of `{name: value}` the names; anything else may hold the values in some other way. */
function withoutValues(header: unknown): unknown {
  if (header === null) return null
  return isObject(header) && !Array.isArray(header) ? mapValues(header, () => hidden) : hidden
}

function bareUrl(text: string): string {
  return text.replace(/^([^/?#]*\/\/)[^/?#]*@/, '$1').replace(/\?[^#]*/, `?${hidden}`)
}

function mapValues(
  object: Readonly<Record<string, unknown>>,
  map: (value: unknown, key: string) => unknown,
): Record<string, unknown> {
  // Not by assignment, which would lose a key named __proto__.
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value, key)]))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
