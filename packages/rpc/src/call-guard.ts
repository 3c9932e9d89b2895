import {
  Code,
  ConnectError,
  createContextKey,
  createContextValues,
  type Interceptor,
} from '@connectrpc/connect'
import { abortable, DfError, isAbort, isDfError, type Log } from '@damselfly/core'
import { toConnectError } from './error-wire.ts'
import { untilAborted } from './until-aborted.ts'

/**
 * Aborts when the call cannot have a result any more: its deadline passed or the caller went away. Unlike the signal
 * in a handler's context it knows nothing of the server's shutdown, during which calls may still finish.
 */
const callSignalKey = createContextKey<AbortSignal>(new AbortController().signal)

export function contextOfCall(signal: AbortSignal): ReturnType<typeof createContextValues> {
  return createContextValues().set(callSignalKey, signal)
}

/** What a handler's signal aborts with when the server stops. */
export function shutdownReason(): Error {
  return new DOMException('the server is shutting down', 'AbortError')
}

/** What a handler's signal aborts with, and what reading requests throws, when the caller went away. */
export function callerGone(): Error {
  return new DOMException('the caller went away', 'AbortError')
}

/** The one place where what a handler throws becomes a gRPC status. */
export function guardCalls(shutdown: AbortSignal, log: Log): Interceptor {
  return (next) => async (req) => {
    const rpc = `${req.service.typeName}/${req.method.name}`
    const call = req.contextValues.get(callSignalKey)
    const toStatus = (thrown: unknown): ConnectError => {
      const error = statusOf(thrown, shutdown)
      logFailure(thrown, error, log, rpc)
      return error
    }
    try {
      const guarded = req.stream ? { ...req, message: untilAborted(req.message, req.signal) } : req
      const res = await abortable(next(guarded), call)
      if (!res.stream) return res
      return { ...res, message: mapFailure(untilAborted(res.message, call), toStatus) }
    } catch (thrown) {
      throw toStatus(thrown)
    }
  }
}

async function* mapFailure<T>(
  source: AsyncIterable<T>,
  toStatus: (thrown: unknown) => ConnectError,
): AsyncGenerator<T> {
  try {
    yield* source
  } catch (thrown) {
    throw toStatus(thrown)
  }
}

function statusOf(thrown: unknown, shutdown: AbortSignal): ConnectError {
  if (thrown instanceof ConnectError) return thrown
  if (isAbort(thrown)) {
    const message = thrown instanceof Error ? thrown.message : 'aborted'
    return new ConnectError(message, shutdown.aborted ? Code.Unavailable : Code.Canceled)
  }
  return toConnectError(DfError.from(thrown))
}

function logFailure(thrown: unknown, error: ConnectError, log: Log, rpc: string): void {
  if (isAbort(thrown)) return
  const isExpected = error === thrown || (isDfError(thrown) && thrown.code !== 'Internal')
  if (isExpected) log.debug({ rpc, err: thrown }, 'call failed')
  else log.error({ rpc, err: thrown }, 'call failed unexpectedly')
}
