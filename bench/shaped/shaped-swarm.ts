import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Endpoint, type Running, type ServiceStack, startWith } from '@damselfly/core'
import {
  type Config,
  type DownloadOptions,
  type DownloadResult,
  downloadVia,
  Program,
} from '@damselfly/testkit'
import type { OurPrograms } from '../harness/programs.ts'
import type { LabHost } from './lab.ts'

export interface ShapedSwarmOptions {
  readonly programs: Pick<OurPrograms, 'scheduler' | 'dfdaemon'>
  readonly dir: string
  readonly schedulers: readonly LabHost[]
  readonly seeds: readonly LabHost[]
  readonly peers: readonly LabHost[]
  readonly signal: AbortSignal
}

export interface ShapedDaemon {
  readonly name: string
  output(file: string): string
  download(url: string, options?: DownloadOptions): Promise<DownloadResult>
}

/** One daemon on each host, all with the same schedulers. */
export interface ShapedSwarm extends Running {
  readonly schedulers: readonly { readonly address: string; kill(): Promise<void> }[]
  readonly peers: readonly ShapedDaemon[]
}

const schedulerPort = 8002

export function startShapedSwarm(options: ShapedSwarmOptions): Promise<ShapedSwarm> {
  return startWith(async (stack) => {
    const schedulers = await Promise.all(
      options.schedulers.map((host, i) => startScheduler(stack, `scheduler-${i}`, host, options)),
    )
    const addrs = schedulers.map(({ address }) => address)
    // Seeds first: the schedulers know them before the first peer asks for anything.
    for (const [i, host] of options.seeds.entries()) {
      await startDaemon(stack, { name: `seed-${i}`, host, isSeed: true, addrs }, options)
    }
    const peers: ShapedDaemon[] = []
    for (const [i, host] of options.peers.entries()) {
      const daemon = { name: `peer-${i}`, host, isSeed: false, addrs }
      peers.push(await startDaemon(stack, daemon, options))
    }
    return { ...stack.toRunning(), schedulers, peers }
  })
}

async function startScheduler(
  stack: ServiceStack,
  name: string,
  host: LabHost,
  options: ShapedSwarmOptions,
) {
  const program = await startProgram(stack, {
    name,
    host,
    dir: join(options.dir, name),
    command: options.programs.scheduler,
    config: { server: { listenIP: host.ip, advertiseIP: host.ip, port: schedulerPort } },
    health: { host: host.ip, port: schedulerPort },
    signal: options.signal,
  })
  return { address: `${host.ip}:${schedulerPort}`, kill: () => program.kill() }
}

async function startDaemon(
  stack: ServiceStack,
  daemon: { name: string; host: LabHost; isSeed: boolean; addrs: readonly string[] },
  { programs, dir: root, signal }: ShapedSwarmOptions,
): Promise<ShapedDaemon> {
  const { name, host, isSeed, addrs } = daemon
  const dir = join(root, name)
  const socketPath = join(dir, 'sock')
  const free = { server: { ip: host.ip, port: 0 } }
  await startProgram(stack, {
    name,
    host,
    dir,
    command: programs.dfdaemon,
    config: {
      host: { ip: host.ip, hostname: name },
      download: { server: { socketPath } },
      upload: free,
      storage: { dir: join(dir, 'store'), server: { ip: host.ip, tcpPort: 0 } },
      health: free,
      metrics: free,
      seedPeer: { enable: isSeed },
      scheduler: { addrs },
      shutdown: { grace: '500ms' },
    },
    health: { path: socketPath },
    signal,
  })
  return {
    name,
    output: (file) => join(dir, file),
    download: (url, given) => downloadVia(socketPath, url, { signal, ...given }),
  }
}

interface LabProgram {
  readonly name: string
  readonly host: LabHost
  readonly dir: string
  readonly command: readonly string[]
  readonly config: Config
  readonly health: Endpoint
  readonly signal: AbortSignal
}

async function startProgram(stack: ServiceStack, options: LabProgram): Promise<Program> {
  const { name, host, dir, config, health, signal } = options
  await mkdir(dir, { recursive: true })
  const file = join(dir, 'config.yaml')
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config, undefined, 2))
  const command = [...host.enter, ...options.command, '--config', file]
  const program = new Program({ name, dir, command, health })
  stack.push(name, () => program.stop())
  await program.restart(signal)
  return program
}
