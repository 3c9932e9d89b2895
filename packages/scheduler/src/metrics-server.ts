import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { asTaskId, DfError, errorCode } from '@damselfly/core'
import type { Registry } from 'prom-client'
import type { SchedulerCore } from './core/scheduler-core.ts'

export interface MetricsServer {
  readonly host: string
  readonly port: number
  stop(): Promise<void>
}

/**
 * `GET /metrics` in Prometheus' text format, `GET /swarms` and `GET /swarms/<task id>` as JSON. `addr` is `ip:port`, or `:port`
 * for every address.
 */
export async function startMetricsServer(
  addr: string,
  registry: Registry,
  core: SchedulerCore,
): Promise<MetricsServer> {
  const { host, port } = parseAddr(addr)
  const server = createServer((request, response) => {
    answer(request, response, { registry, core }).catch(() => {
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

/** More swarms, and more peers of one, are not told. */
const MAX_ROWS = 1000

async function answer(
  { method, url = '/' }: IncomingMessage,
  response: ServerResponse,
  { registry, core }: { registry: Registry; core: SchedulerCore },
): Promise<void> {
  const path = url.split('?', 1)[0] ?? '/'
  const swarm = /^\/swarms\/([^/]+)$/.exec(path)?.[1]
  const found = swarm === undefined ? undefined : core.dumpSwarm(asTaskId(swarm), MAX_ROWS)
  const isKnown = path === '/metrics' || path === '/swarms' || found !== undefined
  if (!isKnown || method !== 'GET') {
    response.statusCode = isKnown ? 405 : 404
    response.end()
  } else if (path === '/metrics') {
    response.setHeader('content-type', registry.contentType)
    response.end(await registry.metrics())
  } else {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(found ?? { swarms: core.listSwarms(MAX_ROWS) }))
  }
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
