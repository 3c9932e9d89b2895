import { constants, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2'
import { Code, ConnectError } from '@connectrpc/connect'
import { validateResponseWithCompression, validateTrailer } from '@connectrpc/connect/protocol-grpc'
import { captureStatusDetails } from './error-wire.ts'
import { toHeaders } from './headers.ts'

export type Received = IncomingHttpHeaders & IncomingHttpStatusHeader

/** What a call has come to. */
export interface Ended {
  header?: Received
  trailer?: Received
  /** What broke the stream or the session. */
  failure?: unknown
  /** What the caller's own messages threw. */
  requestError?: unknown
  /** Of the HTTP/2 stream. */
  rstCode: number | undefined
}

const grpc = /^application\/grpc(\+proto)?$/

/** The error in the response's headers: not gRPC, or a failure without a response. */
export function responseError(header: Received): unknown {
  const isPlain = header['grpc-status'] === undefined && header['grpc-encoding'] === undefined
  if (isPlain && header[':status'] === 200 && grpc.test(header['content-type'] ?? '')) return
  return thrownBy(() => {
    const { headerError } = validateResponseWithCompression(
      [],
      header[':status'] ?? 0,
      read(header),
    )
    if (headerError !== undefined) throw headerError
  })
}

/** The error that a complete response ends with. */
export function trailerError({ header = {}, trailer = {} }: Ended): unknown {
  const isGood = trailer['grpc-status'] === '0' && trailer[detailsKey] === undefined
  return isGood ? undefined : thrownBy(() => validateTrailer(read(trailer), read(header)))
}

/** The error of a call whose stream went away without a status. */
export function brokenOff({ rstCode, failure, requestError }: Ended, where: string): ConnectError {
  if (requestError !== undefined) return ConnectError.from(requestError)
  if (rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM) {
    return new ConnectError(`${where} is overloaded`, Code.ResourceExhausted)
  }
  return unavailable(where, failure)
}

export function unavailable(where: string, failure: unknown): ConnectError {
  const isOurs = failure instanceof ConnectError
  const cause = isOurs ? failure.cause : failure
  let why = 'the connection broke off'
  if (isOurs) why = failure.rawMessage
  else if (failure instanceof Error) why = failure.message
  return new ConnectError(`${where}: ${why}`, Code.Unavailable, undefined, undefined, cause)
}

const detailsKey = 'grpc-status-details-bin'

/** Status details that are not google.rpc.Status are hidden from the library (trap T6). */
function read(received: Received): Headers {
  const headers = toHeaders(received)
  captureStatusDetails(headers)
  return headers
}

function thrownBy(run: () => void): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return error
  }
}
