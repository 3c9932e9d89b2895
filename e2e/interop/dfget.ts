import { spawn } from 'node:child_process'
import { type Daemon, real } from './world.ts'

export interface DfgetResult {
  readonly code: number | null
  readonly ms: number
  /** What it printed. */
  readonly text: string
}

/** Runs the real dfget against a daemon's socket. */
export function dfget(daemon: Daemon, url: string, output: string): Promise<DfgetResult> {
  return run(real('DRAGONFLY_DFGET'), [url, '-O', output, '-e', daemon.socketPath])
}

export function run(executable: string, args: readonly string[]): Promise<DfgetResult> {
  const startedAt = performance.now()
  const child = spawn(executable, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  const collect = (chunk: Buffer): void => {
    text += chunk
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ms: performance.now() - startedAt, text }))
  })
}
