import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BenchCase, BenchOptions } from '../harness/bench.ts'
import { median } from '../harness/stats.ts'
import type { OpenedRecords, RecordsShape } from './records-job.ts'
import { runJob } from './run-job.ts'

const openAimMs = 2_000

const shapes: readonly (RecordsShape & { name: string })[] = [
  { name: '1,000 tasks of 1,000 pieces', tasks: 1_000, piecesPerTask: 1_000 },
  { name: '250,000 tasks of 4 pieces', tasks: 250_000, piecesPerTask: 4 },
]

/** Opening a store with a million pieces, and the memory that it takes. */
export async function records(
  dir: string,
  { runs, log, signal }: BenchOptions & { runs: number },
): Promise<BenchCase[]> {
  const cases: BenchCase[] = []
  for (const { name, ...shape } of shapes) {
    const directory = join(dir, 'records')
    await mkdir(directory)
    log(`open, ${name}: filling the store`)
    await runJob({ job: 'prepare', dir: directory, ...shape }, signal)
    log(`open, ${name}: ${runs} runs`)
    const opened: OpenedRecords[] = []
    for (let run = 0; run < runs; run++) {
      opened.push(await runJob<OpenedRecords>({ job: 'open', dir: directory }, signal))
    }
    await rm(directory, { recursive: true })
    cases.push(...openCases(name, opened))
  }
  return cases
}

function openCases(name: string, opened: readonly OpenedRecords[]): BenchCase[] {
  const of = (what: keyof OpenedRecords) => median(opened.map((one) => one[what]))
  const note = `${of('pieces').value} pieces; each time in a fresh process, page cache warm; memory that the process has more than before, after garbage collection.`
  return [
    { name: `open, ${name}`, unit: 'ms', ours: of('openMs'), aim: `<= ${openAimMs}`, note },
    { name: `RSS, ${name}, opened`, unit: 'MiB', ours: of('openRssMiB'), note },
    { name: `RSS, ${name}, every piece asked for`, unit: 'MiB', ours: of('askedRssMiB'), note },
  ]
}
