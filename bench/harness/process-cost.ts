import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

// What Linux' /proc says of a process.

export interface ProcessCost {
  readonly cpuMs: number
  /** While it was measured. */
  readonly peakRssMiB: number
}

/** Linux counts in hundredths of a second, whatever its timer does. */
const msPerTick = 10

/** How the daemon names the threads that move pieces; the kernel keeps 15 characters of a name. */
const dataThreadName = /^damselfly-/

/** Begins to measure what a process uses; the returned function ends it. */
export function measureProcess(pid: number): () => ProcessCost {
  // The peak starts again from what it has now.
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
  const before = cpuMs(pid)
  return () => ({ cpuMs: cpuMs(pid) - before, peakRssMiB: peakRssMiB(pid) })
}

/** All of them together: times add up, of the peaks it is the highest. */
export function measureProcesses(pids: readonly number[]): () => ProcessCost {
  const ends = pids.map(measureProcess)
  return () => {
    const costs = ends.map((end) => end())
    return {
      cpuMs: costs.reduce((sum, cost) => sum + cost.cpuMs, 0),
      peakRssMiB: Math.max(...costs.map((cost) => cost.peakRssMiB)),
    }
  }
}

/** User and system time of all its threads so far; 0 when it is gone or there is no /proc. */
export function cpuMs(pid: number): number {
  // The name before them may contain anything, so that fields are counted from its closing parenthesis.
  const fields = read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * msPerTick
}

/** Most memory that a process ever had, or since its measurement began; 0 as above. */
export function peakRssMiB(pid: number): number {
  return memoryMiB(pid, 'VmHWM')
}

/** Memory that it has now; 0 as above. */
export function rssMiB(pid: number): number {
  return memoryMiB(pid, 'VmRSS')
}

/** How many threads of a daemon move pieces. */
export function dataThreads(pid: number): number {
  try {
    const names = readdirSync(`/proc/${pid}/task`).map((id) => read(`/proc/${pid}/task/${id}/comm`))
    return names.filter((name) => dataThreadName.test(name)).length
  } catch {
    return 0
  }
}

function memoryMiB(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const [, kib] =
    new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(read(`/proc/${pid}/status`)) ?? []
  return Number(kib ?? 0) / 1024
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
