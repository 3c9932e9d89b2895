import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { BenchError } from './bench.ts'

export interface ProcessRun {
  /** From its start until it was gone. */
  readonly ms: number
  /** As of the last look before its end; 0 unless it was asked for. */
  readonly peakRssMiB: number
}

export interface ProcessRunOptions {
  readonly isRssWanted?: boolean
  readonly cwd?: string
  /** Ends the program. */
  readonly signal?: AbortSignal
}

const lookIntervalMs = 10

/** Runs a program to its end. It must succeed; what it says on standard error is in the error. */
export async function runProcess(
  command: readonly string[],
  { isRssWanted = false, cwd, signal }: ProcessRunOptions = {},
): Promise<ProcessRun> {
  const [executable = '', ...args] = command
  const startedAt = performance.now()
  const child = spawn(executable, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd, signal })
  let peak = 0
  const look = (): void => {
    peak = Math.max(peak, peakRssMiB(child.pid ?? 0))
  }
  const timer = isRssWanted ? setInterval(look, lookIntervalMs) : undefined
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  const exited = once(child, 'exit')
  const closed = once(child, 'close')
  try {
    const [code] = await exited
    const ms = performance.now() - startedAt
    await closed
    if (code !== 0) throw new BenchError(`${command.join(' ')} failed (${code}): ${complaints}`)
    return { ms, peakRssMiB: peak }
  } finally {
    clearInterval(timer)
  }
}

/** Most memory that a process ever had, of Linux' /proc; 0 when it is gone or there is none. */
export function peakRssMiB(pid: number): number {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(kib ?? 0) / 1024
  } catch {
    return 0
  }
}
