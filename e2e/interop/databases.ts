import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { sleep, systemClock } from '@damselfly/core'
import { findProgram } from '../find-program.ts'
import { steadyPort } from './steady-port.ts'

// What the Go manager keeps its data in: Redis and PostgreSQL of the machine, with data of their own on free ports.

export interface Database {
  readonly port: number
  stop(): Promise<void>
}

interface Identity {
  readonly uid: number
  readonly gid: number
}

export const postgresUser = 'dragonfly'
/** It is there from the beginning. */
export const postgresDatabase = 'postgres'

const loopback = '127.0.0.1'
const readyTimeoutMs = 30_000

export async function startRedis(dir: string): Promise<Database> {
  const port = await steadyPort()
  mkdirSync(dir)
  const command = [required('redis-server'), '--bind', loopback, '--port', String(port)]
  return running([...command, '--dir', dir, '--save', '', '--appendonly', 'no'], { dir, port })
}

export async function startPostgres(dir: string): Promise<Database> {
  const port = await steadyPort()
  mkdirSync(dir)
  const identity = unprivileged()
  if (identity !== undefined) {
    // Another user must get through to it.
    chmodSync(join(dir, '..'), 0o711)
    chownSync(dir, identity.uid, identity.gid)
  }
  const data = join(dir, 'data')
  const init = ['-D', data, '-U', postgresUser, '-A', 'trust', '--no-sync']
  execFileSync(required('initdb'), init, { cwd: dir, stdio: 'pipe', ...identity })
  const settings = {
    listen_addresses: loopback,
    port,
    unix_socket_directories: dir,
    fsync: 'off',
  }
  const flags = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])
  return running([required('postgres'), '-D', data, ...flags], { dir, port, identity })
}

function required(name: string): string {
  const path = findProgram(name)
  if (path === undefined) throw new Error(`${name} is not installed: run npm run e2e -- interop`)
  return path
}

/** PostgreSQL refuses to be run by root. */
function unprivileged(): Identity | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const [, , uid, gid] =
    users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody') ?? []
  if (uid === undefined) throw new Error('There is no user postgres or nobody to run PostgreSQL.')
  return { uid: Number(uid), gid: Number(gid) }
}

async function running(
  [executable = '', ...args]: readonly string[],
  { dir, port, identity }: { dir: string; port: number; identity?: Identity | undefined },
): Promise<Database> {
  const logPath = join(dir, 'log')
  const log = openSync(logPath, 'a')
  const child = spawn(executable, args, { cwd: dir, stdio: ['ignore', log, log], ...identity })
  closeSync(log)
  const stop = async (): Promise<void> => {
    if (hasEnded(child)) return
    const exited = once(child, 'exit')
    // For PostgreSQL: without waiting for those who are still connected.
    child.kill('SIGINT')
    await exited
  }
  const giveUpAt = systemClock.monotonic() + readyTimeoutMs
  while (!(await listens(port))) {
    if (hasEnded(child) || systemClock.monotonic() > giveUpAt) {
      await stop()
      throw new Error(`${executable} does not start:\n${readFileSync(logPath, 'utf8')}`)
    }
    await sleep(systemClock, 50)
  }
  return { port, stop }
}

const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, loopback)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
