import { Code, ConnectError } from '@connectrpc/connect'
import { isDfError } from '@damselfly/core'
import { fromConnectError } from './error-wire.ts'
import type { StatusCodes } from './status.ts'

/** What a caller sees of a failed call: the error it threw itself, or what the other side said. */
export function callError(thrown: unknown, codes: StatusCodes): unknown {
  if (!(thrown instanceof ConnectError)) return thrown
  if (thrown.code === Code.Unknown && isDfError(thrown.cause)) return thrown.cause
  return fromConnectError(thrown, codes)
}
