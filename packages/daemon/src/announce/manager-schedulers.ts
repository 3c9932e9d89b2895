import { Health, HealthCheckResponse_ServingStatus as Serving } from '@damselfly/api/health'
import { Manager, SourceType } from '@damselfly/api/manager'
import { DfError, type Log } from '@damselfly/core'
import { openChannel, type RpcChannel } from '@damselfly/rpc'
import type { DaemonConfig } from '../config.ts'
import type { HostIdentity } from './host-identity.ts'

export interface ManagerSchedulersOptions {
  /** `http://host:port` of the manager's gRPC. */
  readonly managerUrl: string
  readonly identity: HostIdentity
  readonly config: DaemonConfig
  readonly version: string
}

/** How long a scheduler may take to say that it is well. */
const healthTimeoutMs = 3_000

/** Asks a manager which schedulers this host has (interop.md 2.2). */
export class ManagerSchedulers {
  readonly #options: ManagerSchedulersOptions
  readonly #channel: RpcChannel
  readonly #log: Log

  constructor(options: ManagerSchedulersOptions, log: Log) {
    this.#options = options
    this.#log = log
    this.#channel = openChannel(managerAddress(options.managerUrl), {
      unavailable: 'SchedulerUnavailable',
    })
  }

  /**
   * `ip:port` of the healthy schedulers of the first cluster that has one: the manager lists the best cluster first. Empty
   * when none is healthy; an error when the manager does not answer.
   */
  async list(signal: AbortSignal): Promise<string[]> {
    const { identity, config, version } = this.#options
    const { idc, location, schedulerClusterID } = config.host
    const { schedulers } = await this.#channel.client(Manager).listSchedulers(
      {
        sourceType: identity.isSeed ? SourceType.SEED_PEER_SOURCE : SourceType.PEER_SOURCE,
        hostname: identity.hostname,
        ip: identity.ip,
        version,
        commit: 'unknown',
        schedulerClusterId: BigInt(schedulerClusterID),
        ...(idc === undefined ? {} : { idc }),
        ...(location === undefined ? {} : { location }),
      },
      { signal },
    )
    const healthy: string[] = []
    let cluster: bigint | undefined
    for (const { ip, port, schedulerClusterId } of schedulers) {
      if (cluster !== undefined && schedulerClusterId !== cluster) continue
      if (!(await this.#isHealthy({ host: ip, port }, signal))) continue
      cluster = schedulerClusterId
      healthy.push(ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)
    }
    return healthy
  }

  close(): void {
    this.#channel.close()
  }

  async #isHealthy(
    endpoint: { host: string; port: number },
    signal: AbortSignal,
  ): Promise<boolean> {
    using channel = openChannel(endpoint, { deadlines: { unaryMs: healthTimeoutMs } })
    try {
      const { status } = await channel.client(Health).check({ service: '' }, { signal })
      return status === Serving.SERVING
    } catch (err) {
      signal.throwIfAborted()
      this.#log.debug({ scheduler: endpoint, err }, 'scheduler is not healthy')
      return false
    }
  }
}

function managerAddress(text: string): { host: string; port: number } {
  const url = URL.parse(text)
  if (url?.protocol === 'http:' && url.port !== '') {
    return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) }
  }
  throw new DfError(
    'InvalidConfig',
    `manager.addr is "${text}": write it like http://manager.example.com:65003.`,
  )
}
