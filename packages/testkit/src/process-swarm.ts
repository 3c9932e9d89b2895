import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { type Running, type ServiceStack, startWith } from '@damselfly/core'
import { type DownloadOptions, type DownloadResult, downloadVia } from './download-via.ts'
import { mergeConfig } from './merge-config.ts'
import { Program, type ProgramOptions, type SwarmProcess } from './swarm-program.ts'
import { tmpDir } from './tmp-dir.ts'

export type { SwarmProcess }

export interface ProcessSwarmOptions {
  /** How each program is started: the executable and its first arguments; `--config FILE` follows. */
  readonly commands: { readonly scheduler: readonly string[]; readonly dfdaemon: readonly string[] }
  readonly peers: number
  readonly seeds: number
  /** Default true. */
  readonly scheduler?: boolean
  /** Merged into every daemon's configuration at its top level. */
  readonly daemonConfig?: Readonly<Record<string, unknown>>
  /** Gets a directory for each program, and stays. Default: a temporary one that goes away at `stop`. */
  readonly dir?: string
  /** Gives up the start; what runs already is stopped. Afterwards it has no effect. */
  readonly signal?: AbortSignal
}

export interface DaemonProcess extends SwarmProcess {
  readonly isSeed: boolean
  readonly socketPath: string
  /** `http://…/metrics` of the daemon. */
  readonly metricsUrl: string
  /** Where a download may be written. */
  output(name: string): string
  /** Downloads through the daemon's own socket, as dfget does. */
  download(url: string, options?: DownloadOptions): Promise<DownloadResult>
}

/** A scheduler, seeds and peers as separate processes on the loopback address, each with its own directory. */
export interface ProcessSwarm extends Running {
  readonly scheduler: SwarmProcess | undefined
  /** `ip:port` of the scheduler; empty without one. */
  readonly schedulerAddress: string
  readonly seeds: readonly DaemonProcess[]
  readonly peers: readonly DaemonProcess[]
}

const loopback = '127.0.0.1'

/** Resolves when every program answers its health check. */
export function startProcessSwarm(options: ProcessSwarmOptions): Promise<ProcessSwarm> {
  return startWith(async (stack) => {
    const launcher = new Launcher(options, stack, await swarmDir(options, stack))
    const scheduler = options.scheduler === false ? undefined : await launcher.scheduler()
    // Seeds first: the scheduler knows them before the first peer asks for anything.
    const seeds = await launcher.daemons('seed', options.seeds)
    const peers = await launcher.daemons('peer', options.peers)
    const { schedulerAddress } = launcher
    return { ...stack.toRunning(), scheduler, schedulerAddress, seeds, peers }
  })
}

async function swarmDir({ dir }: ProcessSwarmOptions, stack: ServiceStack): Promise<string> {
  if (dir !== undefined) return resolve(dir)
  const temporary = await tmpDir()
  stack.push('directory', async () => temporary[Symbol.asyncDispose]())
  return temporary.path
}

/** Starts the programs of one swarm and hands each to the stack that stops it. */
class Launcher {
  readonly #options: ProcessSwarmOptions
  readonly #stack: ServiceStack
  readonly #root: string
  schedulerAddress = ''

  constructor(options: ProcessSwarmOptions, stack: ServiceStack, root: string) {
    this.#options = options
    this.#stack = stack
    this.#root = root
  }

  async scheduler(): Promise<SwarmProcess> {
    const port = await freePort()
    const dir = join(this.#root, 'scheduler')
    const config = { server: { listenIP: loopback, advertiseIP: loopback, port } }
    const command = await configured(this.#options.commands.scheduler, dir, config)
    const health = { host: loopback, port }
    const program = await this.#run(new Program({ name: 'scheduler', dir, command, health }))
    this.schedulerAddress = `${loopback}:${port}`
    return program
  }

  daemons(kind: 'seed' | 'peer', count: number): Promise<DaemonProcess[]> {
    return allOrError(
      Array.from({ length: count }, (_, index) => this.#daemon(`${kind}-${index}`, kind)),
    )
  }

  async #daemon(name: string, kind: 'seed' | 'peer'): Promise<DaemonProcess> {
    const dir = join(this.#root, name)
    const socketPath = join(dir, 'sock')
    const metricsPort = await freePort()
    const isSeed = kind === 'seed'
    const { schedulerAddress } = this
    const config = mergeConfig(
      daemonConfig({ name, dir, socketPath, isSeed, schedulerAddress, metricsPort }),
      this.#options.daemonConfig,
    )
    const command = await configured(this.#options.commands.dfdaemon, dir, config)
    const metricsUrl = `http://${loopback}:${metricsPort}/metrics`
    const health = { path: socketPath }
    return this.#run(
      new DaemonProgram({ name, dir, command, health }, { isSeed, socketPath, metricsUrl }),
    )
  }

  async #run<P extends Program>(program: P): Promise<P> {
    // Before the start, which may fail with the process running.
    this.#stack.push(program.name, () => program.stop())
    await program.restart(this.#options.signal)
    return program
  }
}

/** Writes the configuration of a program and returns its whole command line. */
async function configured(
  command: readonly string[],
  dir: string,
  config: unknown,
): Promise<string[]> {
  await mkdir(dir, { recursive: true })
  const file = join(dir, 'config.yaml')
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config, undefined, 2))
  return [...command, '--config', file]
}

function daemonConfig(daemon: {
  name: string
  dir: string
  socketPath: string
  isSeed: boolean
  schedulerAddress: string
  metricsPort: number
}) {
  const free = { server: { ip: loopback, port: 0 } }
  return {
    host: { ip: loopback, hostname: daemon.name },
    download: { server: { socketPath: daemon.socketPath } },
    upload: free,
    storage: { dir: join(daemon.dir, 'store'), server: { ip: loopback, tcpPort: 0 } },
    health: free,
    metrics: { server: { ip: loopback, port: daemon.metricsPort } },
    seedPeer: { enable: daemon.isSeed },
    scheduler: { addrs: daemon.schedulerAddress === '' ? [] : [daemon.schedulerAddress] },
    shutdown: { grace: '500ms' },
  }
}

class DaemonProgram extends Program implements DaemonProcess {
  readonly isSeed: boolean
  readonly socketPath: string
  readonly metricsUrl: string

  constructor(
    options: ProgramOptions,
    daemon: Pick<DaemonProcess, 'isSeed' | 'socketPath' | 'metricsUrl'>,
  ) {
    super(options)
    this.isSeed = daemon.isSeed
    this.socketPath = daemon.socketPath
    this.metricsUrl = daemon.metricsUrl
  }

  output(name: string): string {
    return join(this.dir, name)
  }

  download(url: string, options?: DownloadOptions): Promise<DownloadResult> {
    return downloadVia(this.socketPath, url, options)
  }
}

/** As `Promise.all`, but nothing is under way any more when it rejects. */
async function allOrError<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises)
  return Promise.all(promises)
}

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, loopback)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
