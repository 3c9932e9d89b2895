import { readFileSync, writeFileSync } from 'node:fs'
import { peakRssMiB } from '../harness/run-process.ts'

export interface ProcessCost {
  readonly cpuMs: number
  /** While it was measured. */
  readonly peakRssMiB: number
}

/** Linux counts in hundredths of a second, whatever its timer does. */
const msPerTick = 10

/** Begins to measure what a process uses; the returned function ends it. */
export function measureProcess(pid: number): () => ProcessCost {
  // The peak starts again from what it has now.
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
  const before = cpuMs(pid)
  return () => ({ cpuMs: cpuMs(pid) - before, peakRssMiB: peakRssMiB(pid) })
}

/** User and system time of all its threads. */
function cpuMs(pid: number): number {
  // The name before it may contain anything, so that fields are counted from its closing parenthesis.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * msPerTick
}
