import { Code, ConnectError } from '@connectrpc/connect'
import { Health, HealthCheckResponse_ServingStatus as Status } from '@damselfly/api/health'
import { abortable, type Deferred, deferred } from '@damselfly/core'
import { type Route, route } from './route.ts'

/** grpc.health.v1.Health. The empty name speaks for the whole server. */
export interface HealthService {
  route: Route
  set(name: string, isServing: boolean): void
  /** Everything is NOT_SERVING from now on. */
  stop(): void
}

export function createHealth(names: readonly string[]): HealthService {
  const statuses = new Map<string, Status>(['', ...names].map((name) => [name, Status.SERVING]))
  let changed: Deferred<void> = deferred()
  let isStopped = false
  const announce = (): void => {
    changed.resolve()
    changed = deferred()
  }
  async function* watch(service: string, signal: AbortSignal) {
    let last: Status | undefined
    for (;;) {
      const change = changed.promise
      const status = statuses.get(service) ?? Status.SERVICE_UNKNOWN
      if (status !== last) yield { status }
      last = status
      signal.throwIfAborted()
      // The server's stop changes the status and then aborts: the change is still told.
      await abortable(change, signal).catch(() => {})
    }
  }
  return {
    route: route(Health, {
      check({ service }) {
        const status = statuses.get(service)
        if (status === undefined)
          throw new ConnectError(`unknown service ${service}`, Code.NotFound)
        return { status }
      },
      watch: ({ service }, { signal }) => watch(service, signal),
    }),
    set(name, isServing) {
      if (isStopped) return
      statuses.set(name, isServing ? Status.SERVING : Status.NOT_SERVING)
      announce()
    },
    stop() {
      isStopped = true
      for (const name of statuses.keys()) statuses.set(name, Status.NOT_SERVING)
      announce()
    },
  }
}
