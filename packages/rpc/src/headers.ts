import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'

/** Node's headers without the pseudo ones. */
export function toHeaders(received: IncomingHttpHeaders): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(received)) {
    if (name.startsWith(':') || value === undefined) continue
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one)
  }
  return headers
}

export function toNodeHeaders(headers: Headers): OutgoingHttpHeaders {
  return Object.fromEntries(headers)
}
