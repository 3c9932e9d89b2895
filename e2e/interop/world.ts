import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Endpoint } from '@damselfly/core'
import {
  type DownloadOptions,
  type DownloadResult,
  downloadVia,
  type Origin,
  Program,
  startOrigin,
  tmpDir,
} from '@damselfly/testkit'
import { postgresDatabase, postgresUser, startPostgres, startRedis } from './databases.ts'
import { steadyPort } from './steady-port.ts'

// Real Dragonfly programs and ours on the loopback address, each with its own directory, started one by one.

const loopback = '127.0.0.1'

/** A program whose path the environment names; `npm run e2e -- interop` has checked that it is there. */
export function real(variable: string): string {
  const path = process.env[variable]
  if (path === undefined) throw new Error(`${variable} is not set: run npm run e2e -- interop`)
  return path
}

/** The command line of a program of ours. */
export const ours = (name: string): string[] => [
  process.execPath,
  fileURLToPath(new URL(`../../packages/cli/bin/${name}.js`, import.meta.url)),
]

export interface Scheduler {
  readonly address: string
  readonly program: Program
}

export interface Manager {
  /** `host:port` of its gRPC. */
  readonly address: string
  readonly port: number
  /** `host:port` of the Redis that its schedulers use as well. */
  readonly redis: string
  readonly program: Program
}

export interface Daemon {
  readonly kind: 'ours' | 'rust'
  readonly name: string
  readonly dir: string
  readonly socketPath: string
  readonly program: Program
  output(name: string): string
  /** Through its unix socket with our own client, whoever's daemon it is. */
  download(url: string, options?: DownloadOptions): Promise<DownloadResult>
}

export interface DaemonOptions {
  readonly name: string
  readonly schedulers?: readonly string[]
  /** `http://host:port`, instead of schedulers. */
  readonly manager?: string
  readonly isSeed?: boolean
  /** Bytes per second to peers. */
  readonly uploadLimit?: string
}

export class World implements AsyncDisposable {
  readonly origin: Origin
  readonly dir: string
  readonly programs: (name: 'dfdaemon' | 'scheduler') => readonly string[]
  readonly #stops: (() => Promise<void>)[]

  private constructor(
    { origin, dir, programs }: Pick<World, 'origin' | 'dir' | 'programs'>,
    stops: (() => Promise<void>)[],
  ) {
    this.origin = origin
    this.dir = dir
    this.programs = programs
    this.#stops = stops
  }

  /** `programs` gives the command lines of ours; default: from source. */
  static async start(programs: (name: 'dfdaemon' | 'scheduler') => readonly string[] = ours) {
    const dir = await tmpDir()
    const origin = await startOrigin()
    return new World({ origin, dir: dir.path, programs }, [
      async () => dir[Symbol.asyncDispose](),
      () => origin.stop(),
    ])
  }

  async ourScheduler(name = 'our-scheduler'): Promise<Scheduler> {
    const port = await steadyPort()
    const config = { server: { listenIP: loopback, advertiseIP: loopback, port } }
    return this.#scheduler(name, port, this.programs('scheduler'), config)
  }

  /** The Go scheduler, alone or under a manager. */
  async goScheduler(
    options: { name?: string; manager?: string; redis?: string } = {},
  ): Promise<Scheduler> {
    const { name = 'go-scheduler', manager, redis } = options
    const port = await steadyPort()
    const dir = join(this.dir, name)
    const dynconfig = join(dir, 'dynconfig.yaml')
    const config = {
      server: {
        advertiseIP: loopback,
        advertisePort: port,
        listenIP: loopback,
        port,
        host: name,
        logDir: join(dir, 'logs'),
        pluginDir: join(dir, 'plugins'),
      },
      job: { enable: redis !== undefined },
      ...(manager === undefined ? {} : { manager: { addr: manager, schedulerClusterID: 1 } }),
      ...(redis === undefined ? {} : { database: { redis: { addrs: [redis] } } }),
    }
    const command = [real('DRAGONFLY_SCHEDULER'), '--console', '--dynconfig', dynconfig]
    return this.#scheduler(name, port, command, config)
  }

  /** The Go manager with databases of its own. */
  async goManager(name = 'go-manager'): Promise<Manager> {
    const redis = await startRedis(join(this.dir, 'redis'))
    this.owns(() => redis.stop())
    const postgres = await startPostgres(join(this.dir, 'postgres'))
    this.owns(() => postgres.stop())
    const [port, restPort] = [await steadyPort(), await steadyPort()]
    const dir = join(this.dir, name)
    const redisAddress = `${loopback}:${redis.port}`
    const config = {
      server: {
        logDir: join(dir, 'logs'),
        pluginDir: join(dir, 'plugins'),
        cacheDir: join(dir, 'cache'),
        grpc: { advertiseIP: loopback, listenIP: loopback, port: { start: port, end: port } },
        rest: { addr: `${loopback}:${restPort}` },
      },
      auth: { jwt: { key: Buffer.from('a key that protects nothing here').toString('base64') } },
      database: {
        type: 'postgres',
        postgres: {
          user: postgresUser,
          password: 'trusted',
          host: loopback,
          port: postgres.port,
          dbname: postgresDatabase,
          sslMode: 'disable',
          timezone: 'UTC',
          migrate: true,
        },
        redis: { addrs: [redisAddress] },
      },
      metrics: { enable: false },
    }
    const command = [real('DRAGONFLY_MANAGER'), '--console']
    const program = await this.#run(name, command, config, { host: loopback, port })
    return { address: `${loopback}:${port}`, port, redis: redisAddress, program }
  }

  async ourDaemon(options: DaemonOptions): Promise<Daemon> {
    const { name, dir, socketPath, base } = await this.#daemonBase(options)
    const config = {
      ...base,
      upload: { ...base.upload, ...limited(options) },
      storage: { dir: join(dir, 'store'), server: { ip: loopback, tcpPort: await steadyPort() } },
      interop: { dragonfly: true },
      scheduler: { addrs: options.schedulers ?? [], announceInterval: '10s' },
      ...(options.manager === undefined ? {} : { manager: { addr: options.manager } }),
    }
    return this.#daemon('ours', { name, dir, socketPath }, this.programs('dfdaemon'), config)
  }

  async rustDaemon(options: DaemonOptions): Promise<Daemon> {
    const { name, dir, socketPath, base } = await this.#daemonBase(options)
    const config = {
      ...base,
      server: { pluginDir: join(dir, 'plugins'), cacheDir: join(dir, 'cache') },
      download: { protocol: 'tcp', server: { socketPath } },
      upload: { ...base.upload, ...limited(options) },
      storage: {
        server: { ip: loopback, tcpPort: await steadyPort(), quicPort: await steadyPort() },
        dir: join(dir, 'store'),
        keep: false,
      },
      scheduler: { announceInterval: '10s' },
      proxy: { server: { ip: loopback, port: await steadyPort() } },
      stats: { server: { ip: loopback, port: await steadyPort() } },
      ...(options.manager === undefined ? {} : { manager: { addr: options.manager } }),
    }
    const dynconfig = join(dir, 'dynconfig.yaml')
    await mkdir(dir, { recursive: true })
    await writeFile(dynconfig, JSON.stringify({ scheduler: { addrs: options.schedulers ?? [] } }))
    const command = [real('DRAGONFLY_DFDAEMON'), '--console', '--dynconfig', dynconfig]
    return this.#daemon('rust', { name, dir, socketPath }, command, config)
  }

  /** Stops it when the world ends, at the latest. */
  owns(stop: () => Promise<void>): void {
    this.#stops.push(stop)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) await stop()
  }

  async #daemonBase({ name, isSeed = false }: DaemonOptions) {
    const dir = join(this.dir, name)
    const socketPath = join(dir, 'sock')
    const server = async () => ({ server: { ip: loopback, port: await steadyPort() } })
    const base = {
      host: { ip: loopback, hostname: name },
      download: { server: { socketPath } },
      upload: await server(),
      health: await server(),
      metrics: await server(),
      seedPeer: { enable: isSeed },
    }
    return { name, dir, socketPath, base }
  }

  async #daemon(
    kind: Daemon['kind'],
    { name, dir, socketPath }: Pick<Daemon, 'name' | 'dir' | 'socketPath'>,
    command: readonly string[],
    config: unknown,
  ): Promise<Daemon> {
    const program = await this.#run(name, command, config, { path: socketPath })
    return {
      kind,
      name,
      dir,
      socketPath,
      program,
      output: (file) => join(dir, file),
      download: (url, options) => downloadVia(socketPath, url, options),
    }
  }

  async #scheduler(
    name: string,
    port: number,
    command: readonly string[],
    config: unknown,
  ): Promise<Scheduler> {
    const program = await this.#run(name, command, config, { host: loopback, port })
    return { address: `${loopback}:${port}`, program }
  }

  async #run(
    name: string,
    command: readonly string[],
    config: unknown,
    health: Endpoint,
  ): Promise<Program> {
    const dir = join(this.dir, name)
    await mkdir(dir, { recursive: true })
    const file = join(dir, 'config.yaml')
    // JSON is YAML.
    await writeFile(file, JSON.stringify(config, undefined, 2))
    const program = new Program({ name, dir, command: [...command, '--config', file], health })
    this.#stops.push(() => program.stop())
    await program.restart()
    return program
  }
}

function limited({ uploadLimit }: DaemonOptions): { bandwidthLimit?: string } {
  return uploadLimit === undefined ? {} : { bandwidthLimit: uploadLimit }
}
