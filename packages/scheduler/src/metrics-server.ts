import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DfError, errorCode } from '@damselfly/core'
import type { Registry } from 'prom-client'

export interface MetricsServer {
  readonly host: string
  readonly port: number
  stop(): Promise<void>
}

/** `GET /metrics` in Prometheus' text format. `addr` is `ip:port`, or `:port` for every address. */
export async function startMetricsServer(addr: string, registry: Registry): Promise<MetricsServer> {
  const { host, port } = parseAddr(addr)
  const server = createServer((request, response) => {
    answer(request, response, registry).catch(() => {
      response.statusCode = 500
      response.end()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(addr, cause)))
    server.listen(port, host, resolve)
  })
  return {
    host,
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  registry: Registry,
): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0]
  if (path !== '/metrics') response.statusCode = 404
  else if (request.method !== 'GET') response.statusCode = 405
  else {
    response.setHeader('content-type', registry.contentType)
    response.end(await registry.metrics())
    return
  }
  response.end()
}

function parseAddr(addr: string): { host: string; port: number } {
  const colon = addr.lastIndexOf(':')
  const host = addr.slice(0, colon).replace(/^\[|\]$/g, '')
  return { host: host === '' ? '0.0.0.0' : host, port: Number(addr.slice(colon + 1)) }
}

function cannotListen(addr: string, cause: Error): DfError {
  const isTaken = errorCode(cause) === 'EADDRINUSE'
  const why = isTaken ? 'another program uses it; choose another port' : cause.message
  return new DfError(
    isTaken ? 'AlreadyRunning' : 'InvalidArgument',
    `The metrics server cannot listen on ${addr}: ${why}.`,
    { cause },
  )
}
