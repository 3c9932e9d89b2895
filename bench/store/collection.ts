import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type BenchCase, BenchError, type BenchOptions } from '../harness/bench.ts'
import type { Collection, CollectionResult } from './collection-job.ts'
import { runJob } from './run-job.ts'

const tasks = 100_000
const aimMs = 50

/** How long garbage collection of very many tasks holds up a download. */
export async function collection(
  dir: string,
  { log, signal }: Pick<BenchOptions, 'log' | 'signal'>,
): Promise<BenchCase[]> {
  const directory = join(dir, 'collection')
  await mkdir(directory)
  log(`GC of ${tasks} tasks while a download runs: one run`)
  const job = { job: 'collect', dir: directory, tasks } as const
  const { during, alone, deletedTasks } = await runJob<CollectionResult>(job, signal)
  await rm(directory, { recursive: true })
  if (deletedTasks !== tasks) throw new BenchError(`GC deleted ${deletedTasks} of ${tasks} tasks.`)
  const seconds = (during.ms / 1_000).toFixed(1)
  const worstAt = (during.worstAtMs / 1_000).toFixed(1)
  const note = `one run; ${tasks} tasks of one piece were gone in ${seconds} s, the longest wait came after ${worstAt} s; writer and collector share one thread, which hashes and writes pieces of 1 MiB; peer is the same writer alone.`
  const rate = ({ pieces, ms }: Collection) => ({ value: pieces / (ms / 1_000) })
  return [
    {
      name: 'GC of 100,000 tasks, longest wait of a writer for a piece',
      unit: 'ms',
      ours: { value: during.worstGapMs },
      peer: { value: alone.worstGapMs },
      aim: `<= ${aimMs}`,
      note,
    },
    {
      name: 'GC of 100,000 tasks, the same, p99',
      unit: 'ms',
      ours: { value: during.p99GapMs },
      peer: { value: alone.p99GapMs },
      note,
    },
    {
      name: 'GC of 100,000 tasks, the writer, pieces of 1 MiB',
      unit: 'pieces/s',
      ours: rate(during),
      peer: rate(alone),
      note,
    },
  ]
}
