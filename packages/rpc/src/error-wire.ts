import { ConnectError } from '@connectrpc/connect'
import { DfError, type ErrorCode, errorTraits } from '@damselfly/core'
import { codeOfStatus, type StatusCodes, statusOfCode } from './status.ts'

/**
 * How a `DfError` travels. gRPC knows a status and a message; everything else goes in two trailers:
 *
 * - `damselfly-error-bin`: code, blame, retryable and details as JSON, so that our own client rebuilds the error.
 * - `grpc-status-details-bin`, for a source that refused: the raw JSON of errordetails.v2.Backend, which is what
 *   Dragonfly's dfget and proxy read there (trap T6). gRPC wants a google.rpc.Status in that trailer and the gRPC
 *   library fails on anything else, so inside this process it goes by the name of `carriedDetailsKey`.
 */
const errorKey = 'damselfly-error-bin'
const statusDetailsKey = 'grpc-status-details-bin'
const carriedDetailsKey = 'damselfly-status-details-bin'
const messageKey = 'grpc-message'

/** HTTP/2 peers refuse long header blocks (hyper: 16 KiB), and a refused trailer loses the status too. */
const trailerMaxBytes = 6 * 1024
const messageMaxLength = 1024

/** What Dragonfly's daemons put into the status details when a source fails. */
interface BackendDetails {
  message: string
  header: Record<string, string>
  status_code: number | null
}

export function toConnectError(error: DfError): ConnectError {
  const { code, blame, retryable } = error
  const metadata = new Headers()
  metadata.set(
    errorKey,
    encodeWithin({ code, blame, retryable, details: error.details }, { code, blame, retryable }),
  )
  if (code === 'SourceRefused') metadata.set(carriedDetailsKey, backendDetails(error))
  const status = codeOfStatus(errorTraits[code].grpc)
  return new ConnectError(
    error.message.slice(0, messageMaxLength),
    status,
    metadata,
    undefined,
    error,
  )
}

function backendDetails(error: DfError): string {
  const { statusCode, header } = error.details
  const details: BackendDetails = {
    message: error.message.slice(0, messageMaxLength),
    header: isRecord(header) ? flatHeader(header) : {},
    status_code: typeof statusCode === 'number' ? statusCode : null,
  }
  return encodeWithin(details, { ...details, header: {} })
}

/** Dragonfly reads a map of strings; Node gives lists for headers that came more than once. */
function flatHeader(header: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(header).map(([name, value]) => [name, String(value)]))
}

/** The error of a failed call. `codes` decides when neither we nor a Dragonfly daemon said more than a status. */
export function fromConnectError(error: ConnectError, codes: StatusCodes): DfError {
  return (
    ownError(error) ??
    backendError(error) ??
    new DfError(codes[statusOfCode(error.code)], error.rawMessage || statusOfCode(error.code), {
      cause: error.cause,
      details: { grpcStatus: statusOfCode(error.code) },
    })
  )
}

function ownError({ metadata, rawMessage }: ConnectError): DfError | undefined {
  const sent = decode(metadata.get(errorKey))
  if (sent === undefined || !isErrorCode(sent.code)) return undefined
  return new DfError(sent.code, rawMessage, {
    details: isRecord(sent.details) ? sent.details : {},
    ...(typeof sent.retryable === 'boolean' && { retryable: sent.retryable }),
  })
}

function backendError({ metadata, rawMessage }: ConnectError): DfError | undefined {
  const sent = decode(metadata.get(carriedDetailsKey))
  if (typeof sent?.message !== 'string') return undefined
  return new DfError('SourceRefused', rawMessage || sent.message, {
    details: {
      header: isRecord(sent.header) ? sent.header : {},
      ...(typeof sent.status_code === 'number' && { statusCode: sent.status_code }),
    },
  })
}

/** Server, last thing before trailers leave: gives the carried details their name on the wire. */
export function releaseStatusDetails(trailer: Headers): void {
  const carried = trailer.get(carriedDetailsKey)
  if (carried === null) return
  trailer.delete(carriedDetailsKey)
  trailer.set(statusDetailsKey, carried)
}

/** Client, before the gRPC library sees received headers or trailers: hides what would make it throw. */
export function captureStatusDetails(received: Headers): void {
  const details = received.get(statusDetailsKey)
  if (details !== null) {
    received.delete(statusDetailsKey)
    received.set(carriedDetailsKey, details)
  }
  const message = received.get(messageKey)
  if (message !== null && !isPercentEncoded(message))
    received.set(messageKey, encodeURIComponent(message))
}

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** Base64 without padding, as gRPC asks for; `shorter` when the value cannot be JSON or is too long. */
function encodeWithin(value: unknown, shorter: unknown): string {
  const encoded = encode(value)
  return encoded === undefined || encoded.length > trailerMaxBytes
    ? (encode(shorter) ?? '')
    : encoded
}

function encode(value: unknown): string | undefined {
  try {
    const json = JSON.stringify(value, (_key, v: unknown) =>
      typeof v === 'bigint' ? String(v) : v,
    )
    return Buffer.from(json).toString('base64').replaceAll('=', '')
  } catch {
    return undefined
  }
}

function decode(base64: string | null): Record<string, unknown> | undefined {
  if (base64 === null) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.from(base64, 'base64').toString())
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(errorTraits, value)
}
