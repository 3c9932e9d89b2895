import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import type { CallOptions } from '@connectrpc/connect'

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

/** Of a gRPC request; 0 is no timeout. */
export function requestHeaders(
  given: CallOptions['headers'],
  timeoutMs: number,
): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {
    'content-type': 'application/grpc+proto',
    'user-agent': 'damselfly',
    te: 'trailers',
  }
  if (timeoutMs > 0) headers['grpc-timeout'] = `${timeoutMs}m`
  return given === undefined ? headers : { ...toNodeHeaders(new Headers(given)), ...headers }
}
