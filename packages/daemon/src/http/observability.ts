import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { DfError, errorCode, type Network, systemNetwork } from '@damselfly/core'
import type { Registry } from 'prom-client'

export interface HttpEndpoint {
  readonly host: string
  readonly port: number
  close(): Promise<void>
}

export interface HttpListen {
  readonly host: string
  readonly port: number
  readonly network?: Network
}

/** `GET /healthy` answers 200 while the daemon runs (interop.md 6). */
export function startHealth(listen: HttpListen): Promise<HttpEndpoint> {
  return startHttp('health', listen, (request, response) => {
    response.statusCode = request.method === 'GET' && path(request) === '/healthy' ? 200 : 404
    response.end()
  })
}

/** `GET /metrics` in Prometheus' text format; `DELETE /metrics` resets (interop.md 6). */
export function startMetrics(
  listen: HttpListen,
  registry: Registry,
  refresh: () => Promise<void>,
): Promise<HttpEndpoint> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (path(request) !== '/metrics') response.statusCode = 404
    else if (request.method === 'GET') {
      await refresh()
      response.setHeader('content-type', registry.contentType)
      response.end(await registry.metrics())
      return
    } else if (request.method === 'DELETE') registry.resetMetrics()
    else response.statusCode = 405
    response.end()
  }
  return startHttp('metrics', listen, (request, response) => {
    answer(request, response).catch(() => {
      response.statusCode = 500
      response.end()
    })
  })
}

async function startHttp(
  what: string,
  listen: HttpListen,
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<HttpEndpoint> {
  const server = createServer({ requestTimeout: 10_000, keepAliveTimeout: 5_000 }, handler)
  const { network = systemNetwork } = listen
  const listener = network.createServer({ allowHalfOpen: true }, (socket) =>
    server.emit('connection', socket),
  )
  // Only then Node looks for requests that take too long.
  listener.once('listening', () => server.emit('listening'))
  await bound(listener, listen, what)
  const { port } = listener.address() as AddressInfo
  return {
    host: listen.host,
    port,
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve())
        server.close()
        server.closeAllConnections()
      }),
  }
}

function bound(
  server: Server,
  listen: { host: string; port: number },
  what: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const taken = errorCode(cause) === 'EADDRINUSE'
      const why = taken ? 'another program uses it; choose another port' : cause.message
      reject(
        new DfError(
          taken ? 'AlreadyRunning' : 'InvalidArgument',
          `The ${what} server cannot listen on ${listen.host}:${listen.port}: ${why}.`,
          { cause },
        ),
      )
    })
    server.listen({ host: listen.host, port: listen.port }, resolve)
  })
}

function path(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/'
}
