import { DfError, type Endpoint, errorCode } from '@damselfly/core'
import { errorFrameCodes } from './codec.ts'

/** What failed here and not at the peer: out of file descriptors, ports or kernel memory. */
const localCodes = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM'])

export function endpointText(endpoint: Endpoint): string {
  if ('path' in endpoint) return endpoint.path
  const { host, port } = endpoint
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** The error of a socket, in the terms of an engine that has to choose what to do next. */
export function socketError(endpoint: Endpoint, cause: unknown): DfError {
  const reason = errorCode(cause) ?? String(cause)
  const details = { endpoint: endpointText(endpoint), reason }
  if (localCodes.has(reason)) {
    return new DfError('Overloaded', `No socket could be had: ${reason}.`, { cause, details })
  }
  return peerUnavailable(endpoint, `failed: ${reason}`, { cause, details })
}

export function peerUnavailable(
  endpoint: Endpoint,
  what: string,
  options: { cause?: unknown; details?: Record<string, unknown> } = {},
): DfError {
  const text = endpointText(endpoint)
  const message = `The connection to the peer at ${text} ${what}.`
  return new DfError('PeerUnavailable', message, { details: { endpoint: text }, ...options })
}

/** What a peer says in an error frame. Its words are quoted and cut: they come from the network. */
export function answeredError(
  endpoint: Endpoint,
  { code, message }: { code: number; message: string },
): DfError {
  const text = endpointText(endpoint)
  const said = JSON.stringify(message.length > 200 ? `${message.slice(0, 200)}…` : message)
  const details = { endpoint: text, frameCode: code }
  switch (code) {
    case errorFrameCodes.notFound:
      return new DfError('PieceNotFound', `The peer at ${text} lacks the piece: ${said}`, {
        details,
      })
    case errorFrameCodes.unknown:
    case errorFrameCodes.internal:
      return new DfError('PeerUnavailable', `The peer at ${text} cannot send: ${said}`, {
        details,
      })
    case errorFrameCodes.overloaded:
      return new DfError('Overloaded', `The peer at ${text} has too much to send: ${said}`, {
        details,
      })
    default:
      return new DfError('PeerProtocol', `The peer at ${text} answered error ${code}: ${said}`, {
        details,
      })
  }
}
