import { Code, ConnectError } from '@connectrpc/connect'
import { DfError, isAbort, isDfError, type Log } from '@damselfly/core'
import { toConnectError } from './error-wire.ts'

// One of each for all calls: they say what happened, and nobody looks where.

/** What a handler's signal aborts with when the server stops. */
export const shutdownReason = new DOMException('the server is shutting down', 'AbortError')
/** What a handler's signal aborts with, and what reading requests throws, when the caller went away. */
export const callerGone = new DOMException('the caller went away', 'AbortError')
/** What a handler's signal aborts with when its call has been answered. */
export const callAnswered = new DOMException('the call has been answered', 'AbortError')

/** The one place where what a handler throws becomes a gRPC status; also logs it. */
export function statusOf(
  thrown: unknown,
  { rpc, isStopping, log }: { rpc: string; isStopping: boolean; log: Log },
): ConnectError {
  const error = toStatus(thrown, isStopping)
  if (isAbort(thrown)) return error
  const isExpected = error === thrown || (isDfError(thrown) && thrown.code !== 'Internal')
  if (isExpected) log.debug({ rpc, err: thrown }, 'call failed')
  else log.error({ rpc, err: thrown }, 'call failed unexpectedly')
  return error
}

function toStatus(thrown: unknown, isStopping: boolean): ConnectError {
  if (thrown instanceof ConnectError) return thrown
  if (isAbort(thrown)) {
    const message = thrown instanceof Error ? thrown.message : 'aborted'
    return new ConnectError(message, isStopping ? Code.Unavailable : Code.Canceled)
  }
  return toConnectError(DfError.from(thrown))
}
