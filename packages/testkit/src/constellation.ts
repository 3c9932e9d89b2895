import { join } from 'node:path'
import {
  type Clock,
  type Log,
  type Random,
  type Running,
  silentLog,
  startWith,
} from '@damselfly/core'
import { loadConfig } from '@damselfly/core/config'
import { daemonConfigSchema, type RunningDaemon, startDaemon } from '@damselfly/daemon'
import { type RunningScheduler, schedulerConfigSchema, startScheduler } from '@damselfly/scheduler'
import { type DownloadOptions, type DownloadResult, downloadVia } from './download-via.ts'
import { mergeConfig } from './merge-config.ts'
import { tmpDir } from './tmp-dir.ts'

export interface ConstellationOptions {
  /** Daemons that only download and share. Default 0. */
  readonly peers?: number
  /** Daemons that go to the origin on behalf of all. Default 0. */
  readonly seeds?: number
  /** Default true. */
  readonly scheduler?: boolean
  /** Merged into every daemon's configuration (dfdaemon.yaml's keys). */
  readonly daemonConfig?: Readonly<Record<string, unknown>>
  readonly schedulerConfig?: Readonly<Record<string, unknown>>
  readonly log?: Log
  readonly clock?: Clock
  readonly random?: Random
}

/** A daemon of the constellation with its directory; `stop` leaves the directory for a `restart`. */
export interface Member {
  readonly name: string
  readonly dir: string
  readonly daemon: RunningDaemon
  /** Where a download may be written. */
  output(name: string): string
  /** Downloads through the daemon's own socket, as dfget does. */
  download(url: string, options?: DownloadOptions): Promise<DownloadResult>
  stop(): Promise<void>
}

/** n daemons, seeds and a scheduler in this process, on free ports of the loopback address, each with its own directory. */
export interface Constellation extends Running {
  readonly scheduler: RunningScheduler | undefined
  /** `ip:port` of the scheduler; empty without one. */
  readonly schedulerAddress: string
  readonly seeds: readonly Member[]
  readonly peers: readonly Member[]
  /** Starts another daemon, or one on the directory of a stopped member. */
  start(kind: 'peer' | 'seed', options?: StartOptions): Promise<Member>
}

export interface StartOptions {
  /** A stopped member: the new one has its name and directory. */
  readonly as?: Member
  readonly config?: Readonly<Record<string, unknown>>
}

const loopback = '127.0.0.1'

export function startConstellation(options: ConstellationOptions = {}): Promise<Constellation> {
  return startWith(async (stack) => {
    const log = options.log ?? silentLog
    const root = await tmpDir()
    stack.push('directory', async () => root[Symbol.asyncDispose]())
    const world = {
      log,
      ...(options.clock === undefined ? {} : { clock: options.clock }),
      ...(options.random === undefined ? {} : { random: options.random }),
    }
    const scheduler = options.scheduler === false ? undefined : await runScheduler(options, world)
    if (scheduler !== undefined) stack.push('scheduler', () => scheduler.stop())
    const schedulerAddress =
      scheduler === undefined ? '' : `${loopback}:${endpointPort(scheduler.endpoint)}`

    const seeds: Member[] = []
    const peers: Member[] = []
    const start = async (kind: 'peer' | 'seed', how: StartOptions = {}): Promise<Member> => {
      const list = kind === 'seed' ? seeds : peers
      const name = how.as?.name ?? `${kind}-${list.length}`
      const dir = how.as?.dir ?? join(root.path, name)
      const daemon = await startDaemon(
        loadConfig({
          schema: daemonConfigSchema,
          overrides: mergeConfig(
            memberConfig({ name, dir, isSeed: kind === 'seed', schedulerAddress }),
            options.daemonConfig,
            how.config,
          ),
        }),
        { ...world, version: 'test' },
      )
      const member = makeMember(name, dir, daemon)
      stack.push(name, () => member.stop())
      list.push(member)
      return member
    }
    for (let i = 0; i < (options.seeds ?? 0); i++) await start('seed')
    for (let i = 0; i < (options.peers ?? 0); i++) await start('peer')
    return { ...stack.toRunning(), scheduler, schedulerAddress, seeds, peers, start }
  })
}

function runScheduler(
  options: ConstellationOptions,
  world: { log: Log; clock?: Clock; random?: Random },
): Promise<RunningScheduler> {
  const config = loadConfig({
    schema: schedulerConfigSchema,
    overrides: mergeConfig(
      { server: { listenIP: loopback, advertiseIP: loopback, port: 0 } },
      options.schedulerConfig,
    ),
  })
  return startScheduler(config, world)
}

function memberConfig(member: {
  name: string
  dir: string
  isSeed: boolean
  schedulerAddress: string
}): Record<string, unknown> {
  const server = { server: { ip: loopback, port: 0 } }
  return {
    host: { ip: loopback, hostname: member.name },
    download: { server: { socketPath: join(member.dir, 'sock') } },
    upload: server,
    storage: { dir: join(member.dir, 'store'), server: { ip: loopback, tcpPort: 0 } },
    health: server,
    metrics: server,
    seedPeer: { enable: member.isSeed },
    scheduler: { addrs: member.schedulerAddress === '' ? [] : [member.schedulerAddress] },
    shutdown: { grace: '500ms' },
    // Dozens of daemons share this process: their bytes flow where they run.
    transfer: { threads: 0 },
  }
}

function makeMember(name: string, dir: string, daemon: RunningDaemon): Member {
  return {
    name,
    dir,
    daemon,
    output: (file) => join(dir, file),
    download: (url, options) => downloadVia(daemon.endpoints.socketPath, url, options),
    stop: () => daemon.stop(),
  }
}

function endpointPort(endpoint: RunningScheduler['endpoint']): number {
  return 'port' in endpoint ? endpoint.port : 0
}
