import { createHash } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { DfError, errorTraits, formatDuration } from '@damselfly/core'
import { type ChildStart, startChild } from './child-start.ts'
import { type DaemonLink, healthyLink } from './daemon-link.ts'
import type { DataDir } from './data-dir.ts'
import { prepareDirs } from './prepare-dirs.ts'

/** A daemon that a download starts and that leaves by itself when nothing was asked for a while. */
export interface OnDemandDaemon {
  readonly name: string
  readonly socketPath: string
  readonly schedulers: readonly string[]
  /** When it leaves, e.g. `60s`. */
  readonly idleExit: string
}

export interface StartDeps {
  readonly data: DataDir
  /** Program and arguments. */
  readonly daemonCommand: readonly string[]
  readonly dynconfig: string | undefined
  readonly signal: AbortSignal
  readonly deadlineMs?: number
}

const defaultDeadlineMs = 20_000
const pollMs = 40
/** Given to a daemon that holds the store to answer on its socket before another one is tried. */
const winnerMs = 2_000

/** Each set of schedulers has a daemon, and so a socket and a store, of its own. */
export function onDemandDaemon(
  data: DataDir,
  schedulers: readonly string[],
  idleExit = '60s',
): OnDemandDaemon {
  const key = createHash('sha256')
    .update([...schedulers].sort().join(','))
    .digest('hex')
  const name = schedulers.length === 0 ? 'ondemand' : `ondemand-${key.slice(0, 8)}`
  return { name, socketPath: data.socket(name), schedulers, idleExit }
}

/**
 * Starts the daemon and waits until it answers. Several processes may do so at the same time: the lock of the store lets
 * one daemon live, the others end as `AlreadyRunning`, and everybody waits for the one socket.
 */
export async function startOnDemand(daemon: OnDemandDaemon, deps: StartDeps): Promise<DaemonLink> {
  const { data, signal, deadlineMs = defaultDeadlineMs } = deps
  const startedAt = performance.now()
  const config = await writeConfig(daemon, deps)
  let said = ''
  while (performance.now() - startedAt < deadlineMs) {
    const child = startChild(commandLine(daemon, config, deps))
    try {
      const link = await answering(
        daemon,
        child,
        deadlineMs - (performance.now() - startedAt),
        signal,
      )
      if (link !== undefined) return link
    } finally {
      said = child.errors()
      child.release()
    }
  }
  throw new DfError(
    'DaemonUnavailable',
    `The daemon that was started for this download did not answer on ${daemon.socketPath} within ${formatDuration(deadlineMs)}${because(said)}. Its log is in ${join(data.log, daemon.name)}.`,
  )
}

/** `undefined` when the daemon lost against another one that does not answer either: it may just be leaving. */
async function answering(
  daemon: OnDemandDaemon,
  child: ChildStart,
  leftMs: number,
  signal: AbortSignal,
): Promise<DaemonLink | undefined> {
  let endsAt = performance.now() + leftMs
  let hasLost = false
  while (performance.now() < endsAt) {
    const link = await healthyLink({ path: daemon.socketPath }, 'started for this download', signal)
    if (link !== undefined) return link
    const exit = child.exit()
    if (exit !== undefined && !hasLost) {
      if (exit.code !== errorTraits.AlreadyRunning.exit)
        throw startFailed(exit.code, child.errors())
      hasLost = true
      endsAt = Math.min(endsAt, performance.now() + winnerMs)
    }
    await wait(pollMs, undefined, { signal })
  }
  return undefined
}

function commandLine(daemon: OnDemandDaemon, config: string, deps: StartDeps): readonly string[] {
  const logDir = join(deps.data.log, daemon.name)
  const dynconfig = deps.dynconfig === undefined ? [] : ['--dynconfig', deps.dynconfig]
  return [...deps.daemonCommand, '--config', config, '--log-dir', logDir, ...dynconfig]
}

/** JSON, which is YAML, too: a download should not pay for loading a YAML library. */
async function writeConfig(daemon: OnDemandDaemon, deps: StartDeps): Promise<string> {
  const { data } = deps
  await prepareDirs(data, [daemon.socketPath])
  const path = join(data.run, `${daemon.name}.yaml`)
  const temporary = `${path}.${crypto.randomUUID()}`
  await writeFile(temporary, `${JSON.stringify(configOf(daemon, deps), null, 2)}\n`, {
    mode: 0o600,
  })
  await rename(temporary, path)
  await mkdir(data.store(daemon.name), { recursive: true, mode: 0o700 })
  return path
}

function configOf(daemon: OnDemandDaemon, { data, dynconfig }: StartDeps) {
  const { name, socketPath, schedulers, idleExit } = daemon
  // Without a scheduler nobody can know of this daemon, so nobody has to reach it.
  const isAlone = schedulers.length === 0 && dynconfig === undefined
  const listen = isAlone ? { ip: '127.0.0.1' } : {}
  return {
    // Two daemons of one host must not announce themselves under the same name.
    host: { hostname: `${hostname()}-${name}-${userInfo().uid}` },
    download: { server: { socketPath } },
    // The usual ports belong to the host's own daemon.
    upload: { server: { ...listen, port: 0 } },
    scheduler: { addrs: schedulers },
    storage: { dir: data.store(name), server: { ...listen, tcpPort: 0 } },
    health: { server: { ip: '127.0.0.1', port: 0 } },
    metrics: { server: { ip: '127.0.0.1', port: 0 } },
    idleExit,
  }
}

function startFailed(code: number | undefined, errors: string): DfError {
  const how = code === undefined ? 'was killed' : `ended with exit code ${code}`
  const message = `The daemon that was started for this download ${how}${because(errors)}.`
  return new DfError('DaemonUnavailable', message)
}

/** What the daemon said last, as the end of a sentence. */
function because(errors: string): string {
  const said = errors
    .trim()
    .replace(/^error: /, '')
    .replace(/\.$/, '')
  return said === '' ? '' : `: ${said}`
}
