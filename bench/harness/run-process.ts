import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { BenchError } from './bench.ts'
import { cpuMs, type ProcessCost, peakRssMiB } from './process-cost.ts'

/** Its cost is as of the last look before its end; 0 unless it was asked for. */
export interface ProcessRun extends ProcessCost {
  /** From its start until it was gone. */
  readonly ms: number
}

export interface ProcessRunOptions {
  readonly isCostWanted?: boolean
  readonly cwd?: string
  /** Ends the program. */
  readonly signal?: AbortSignal
}

const lookIntervalMs = 10

/** Runs a program to its end. It must succeed; what it says on standard error is in the error. */
export async function runProcess(
  command: readonly string[],
  { isCostWanted = false, cwd, signal }: ProcessRunOptions = {},
): Promise<ProcessRun> {
  const [executable = '', ...args] = command
  const startedAt = performance.now()
  const child = spawn(executable, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd, signal })
  const cost = { cpuMs: 0, peakRssMiB: 0 }
  const look = (): void => {
    const pid = child.pid ?? 0
    cost.cpuMs = Math.max(cost.cpuMs, cpuMs(pid))
    cost.peakRssMiB = Math.max(cost.peakRssMiB, peakRssMiB(pid))
  }
  const timer = isCostWanted ? setInterval(look, lookIntervalMs) : undefined
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
    return { ms, ...cost }
  } finally {
    clearInterval(timer)
  }
}
