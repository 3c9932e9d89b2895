import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DfdaemonDownload } from '@damselfly/api/dfdaemon'
import { isDfError, type Running, type ServiceStack, startWith } from '@damselfly/core'
import { openChannel } from '@damselfly/rpc'
import {
  type Config,
  type DownloadOptions,
  type DownloadResult,
  downloadVia,
  freePort,
  mergeConfig,
  Program,
} from '@damselfly/testkit'
import { BenchError } from './bench.ts'
import type { OurPrograms } from './programs.ts'

export interface BenchSwarmOptions {
  readonly programs: Pick<OurPrograms, 'scheduler' | 'dfdaemon'>
  /** Gets a directory for each program and goes away with the swarm. */
  readonly dir: string
  readonly signal: AbortSignal
}

/** A scheduler and daemons of which each may be configured in its own way. */
export interface BenchSwarm extends Running {
  readonly schedulerPid: number
  /** Fails with `ConfigRefused` when the daemon does not know a key of `config`. */
  daemon(name: string, config?: Config): Promise<BenchDaemon>
}

export interface BenchDaemon {
  readonly name: string
  readonly pid: number
  readonly socketPath: string
  readonly metricsUrl: string
  /** Where a download may be written. */
  output(name: string): string
  /** Downloads through the daemon's own socket, as dfget does. */
  download(url: string, options: DownloadOptions): Promise<DownloadResult>
  /** Lets it forget a task and its bytes. */
  forget(taskId: string): Promise<void>
}

/** The daemon is of a version that has no such option. */
export class ConfigRefused extends BenchError {}

const loopback = '127.0.0.1'

export function startBenchSwarm(options: BenchSwarmOptions): Promise<BenchSwarm> {
  return startWith(async (stack) => {
    const { programs, dir, signal } = options
    stack.push('directory', () => rm(dir, { recursive: true, force: true, maxRetries: 5 }))
    const port = await freePort()
    const config = { server: { listenIP: loopback, advertiseIP: loopback, port } }
    const scheduler = await startProgram(stack, {
      name: 'scheduler',
      dir: join(dir, 'scheduler'),
      command: programs.scheduler,
      config,
      health: { host: loopback, port },
      signal,
    })
    const base = { scheduler: { addrs: [`${loopback}:${port}`] } }
    return {
      ...stack.toRunning(),
      schedulerPid: scheduler.pid,
      daemon: (name, over = {}) => startDaemon(stack, name, mergeConfig(base, over), options),
    }
  })
}

async function startDaemon(
  stack: ServiceStack,
  name: string,
  config: Config,
  { programs, dir: root, signal }: BenchSwarmOptions,
): Promise<BenchDaemon> {
  const dir = join(root, name)
  const socketPath = join(dir, 'sock')
  const metricsPort = await freePort()
  const program = await startProgram(stack, {
    name,
    dir,
    command: programs.dfdaemon,
    config: mergeConfig(daemonConfig({ name, dir, socketPath, metricsPort }), config),
    health: { path: socketPath },
    signal,
  })
  return {
    name,
    pid: program.pid,
    socketPath,
    metricsUrl: `http://${loopback}:${metricsPort}/metrics`,
    output: (file) => join(dir, file),
    download: (url, given) => downloadVia(socketPath, url, { signal, ...given }),
    async forget(taskId) {
      using channel = openChannel({ path: socketPath }, { unavailable: 'DaemonUnavailable' })
      await channel.client(DfdaemonDownload).deleteTask({ taskId })
    },
  }
}

async function startProgram(
  stack: ServiceStack,
  options: ConstructorParameters<typeof Program>[0] & { config: Config; signal: AbortSignal },
): Promise<Program> {
  const { name, dir, command, config, health, signal } = options
  await mkdir(dir, { recursive: true })
  const file = join(dir, 'config.yaml')
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config, undefined, 2))
  const program = new Program({ name, dir, command: [...command, '--config', file], health })
  stack.push(name, () => program.stop())
  try {
    await program.restart(signal)
  } catch (error) {
    const [, key] = (isDfError(error) && /Unrecognized keys?: (.+)/.exec(error.message)) || []
    if (key === undefined) throw error
    throw new ConfigRefused(`${name} does not know ${key}`)
  }
  return program
}

function daemonConfig(daemon: {
  name: string
  dir: string
  socketPath: string
  metricsPort: number
}): Config {
  const free = { server: { ip: loopback, port: 0 } }
  return {
    host: { ip: loopback, hostname: daemon.name },
    download: { server: { socketPath: daemon.socketPath } },
    upload: free,
    storage: { dir: join(daemon.dir, 'store'), server: { ip: loopback, tcpPort: 0 } },
    health: free,
    metrics: { server: { ip: loopback, port: daemon.metricsPort } },
    shutdown: { grace: '500ms' },
  }
}
