import { spawn } from 'node:child_process'
import { type Daemon, real } from './world.ts'

export interface ToolResult {
  readonly code: number | null
  readonly ms: number
  /** What it printed. */
  readonly text: string
}

/** Longer than any download here takes: a program that takes it hangs. */
const hangsAfterMs = 110_000

/** Runs the real dfget against a daemon's socket. */
export function dfget(daemon: Daemon, url: string, output: string): Promise<ToolResult> {
  return run([real('DRAGONFLY_DFGET'), url, '-O', output, '-e', daemon.socketPath])
}

export function run([executable = '', ...args]: readonly string[]): Promise<ToolResult> {
  const startedAt = performance.now()
  const child = spawn(executable, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: hangsAfterMs,
    killSignal: 'SIGKILL',
  })
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
