import { resolve } from 'node:path'
import { Health, HealthCheckResponse_ServingStatus } from '@damselfly/api/health'
import { DfError, type Endpoint } from '@damselfly/core'
import { openChannel, type RpcChannel } from '@damselfly/rpc'

/** A daemon to talk to, and how it was found, for --verbose and errors. */
export interface DaemonLink {
  readonly channel: RpcChannel
  readonly where: string
  readonly foundBy: string
}

const healthTimeoutMs = 2_000

/** Does not connect yet. */
export function linkTo(endpoint: Endpoint, foundBy: string): DaemonLink {
  const channel = openChannel(endpoint, {
    unavailable: 'DaemonUnavailable',
    // The local daemon, Dragonfly's too, is no peer that could be replaced by another one.
    statusCodes: { Internal: 'Internal', Unknown: 'Internal' },
  })
  return { channel, where: endpointText(endpoint), foundBy }
}

/** A link to a daemon that says it is ready; `undefined` when nobody does. */
export async function healthyLink(
  endpoint: Endpoint,
  foundBy: string,
  signal: AbortSignal,
): Promise<DaemonLink | undefined> {
  const link = linkTo(endpoint, foundBy)
  try {
    const options = { signal, timeoutMs: healthTimeoutMs }
    const { status } = await link.channel.client(Health).check({ service: '' }, options)
    if (status === HealthCheckResponse_ServingStatus.SERVING) return link
  } catch {
    signal.throwIfAborted()
  }
  link.channel.close()
  return undefined
}

/**
 * A path, or `unix:` and a path. `host:port` as well, for a socket that somebody carries over TCP; no daemon serves downloads
 * on a port of its own, so nobody is told of it.
 */
export function parseEndpoint(text: string, cwd: string): Endpoint {
  const path = /^unix:(?:\/\/)?(.+)$/.exec(text)?.[1] ?? (/^[./]/.test(text) ? text : undefined)
  if (path !== undefined) return { path: resolve(cwd, path) }
  const [, host, port] = /^(?:https?:\/\/)?(\[[^\]]+\]|[^:/]+):(\d{1,5})\/?$/.exec(text) ?? []
  if (host !== undefined && Number(port) > 0 && Number(port) <= 65_535) {
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
  }
  throw new DfError(
    'InvalidArgument',
    `--endpoint: "${text}" is not the path of a daemon's socket; write it like /var/run/dragonfly/dfdaemon.sock or ./dfdaemon.sock.`,
  )
}

/** The error of a daemon that could not be reached or went away, with where it was and what to do. */
export function unavailable(error: DfError, { where, foundBy }: DaemonLink): DfError {
  const why = error.message.trim().replace(/[.:]$/, '')
  const advice =
    foundBy === 'named'
      ? 'check that it runs there, or leave out the endpoint'
      : 'run the command again'
  return new DfError(
    'DaemonUnavailable',
    `The daemon at ${where} (${foundBy}) failed: ${why}; ${advice}.`,
    { cause: error },
  )
}

function endpointText(endpoint: Endpoint): string {
  return 'path' in endpoint ? endpoint.path : `${endpoint.host}:${endpoint.port}`
}
