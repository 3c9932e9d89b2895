import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Health } from '@damselfly/api/health'
import { DfError, type Endpoint, sleep, systemClock } from '@damselfly/core'
import { openChannel } from '@damselfly/rpc'

/** A program of the swarm running as a process of its own. */
export interface SwarmProcess {
  readonly name: string
  /** Of its configuration, its log and its data. */
  readonly dir: string
  /** Standard output and standard error. */
  readonly logPath: string
  readonly pid: number
  /** SIGKILL: no goodbye to anybody. Resolves when it is gone. */
  kill(): Promise<void>
  /** SIGTERM, and SIGKILL when it does not leave soon. */
  stop(): Promise<void>
  /** Starts the same program again with the same configuration and directory, once it is gone. */
  restart(): Promise<void>
}

const readyTimeoutMs = 20_000
const readyPollMs = 30
const stopTimeoutMs = 5_000
const shownLogLines = 10

export interface ProgramOptions {
  readonly name: string
  readonly dir: string
  readonly command: readonly string[]
  /** Where it answers grpc.health.v1 when it is ready. */
  readonly health: Endpoint
}

/** A program that is started, asked for its health until it answers, and ended. */
export class Program implements SwarmProcess {
  readonly name: string
  readonly dir: string
  readonly logPath: string
  readonly #options: ProgramOptions
  #child: ChildProcess | undefined

  constructor(options: ProgramOptions) {
    this.name = options.name
    this.dir = options.dir
    this.logPath = join(options.dir, 'log')
    this.#options = options
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  async restart(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const [executable = '', ...args] = this.#options.command
    const log = openSync(this.logPath, 'a')
    const child = spawn(executable, args, { stdio: ['ignore', log, log] })
    closeSync(log)
    this.#child = child
    let spawnError: Error | undefined
    child.on('error', (error) => {
      spawnError = error
    })
    const giveUpAt = systemClock.monotonic() + readyTimeoutMs
    while (!(await isHealthy(this.#options.health))) {
      if (spawnError !== undefined) throw this.#failure('cannot be started', spawnError)
      if (hasEnded(child)) {
        throw this.#failure(`ended at its start (${child.signalCode ?? `code ${child.exitCode}`})`)
      }
      if (systemClock.monotonic() > giveUpAt) throw this.#failure('does not answer')
      await sleep(systemClock, readyPollMs, signal)
    }
  }

  #failure(what: string, cause?: Error): DfError {
    // The file itself may be in a temporary directory, which goes away with the failed start.
    const log = readFileSync(this.logPath, 'utf8').trimEnd().split('\n').slice(-shownLogLines)
    const message = `The process ${this.name} ${what}; its log ${this.logPath} ends:\n${log.join('\n')}`
    return new DfError('Internal', message, { cause })
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (child?.pid === undefined || hasEnded(child)) return
    const exited = once(child, 'exit')
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
    child.kill(signal)
    await exited
    clearTimeout(timer)
  }
}

const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null

async function isHealthy(endpoint: Endpoint): Promise<boolean> {
  using channel = openChannel(endpoint, { unavailable: 'DaemonUnavailable' })
  try {
    await channel.client(Health).check({ service: '' })
    return true
  } catch {
    return false
  }
}
