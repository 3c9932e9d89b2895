import { createHash } from 'node:crypto'
import { rssMiB } from '../harness/process-cost.ts'
import { openKind, taskOf } from './kinds.ts'
import { facts } from './passes.ts'

// Runs in processes of its own: the memory of each begins at nothing.

export interface RecordsShape {
  readonly tasks: number
  readonly piecesPerTask: number
}

export interface OpenedRecords {
  readonly openMs: number
  /** What the process has more than before. */
  readonly openRssMiB: number
  /** The same, after every piece was asked for. */
  readonly askedRssMiB: number
  readonly pieces: number
}

const pieceLength = 4 * 1024
/** Tasks of one file, as hosts have them: their pieces came from a few parents. */
const parents = 5

/** Fills a store with records of pieces whose bytes nobody wrote. */
export async function prepareRecords(
  dir: string,
  { tasks, piecesPerTask }: RecordsShape,
): Promise<void> {
  const store = await openKind({ options: {} }, dir)
  for (let index = 0; index < tasks; index++) {
    const spec = taskOf(`task-${index}`, piecesPerTask, pieceLength)
    const task = await store.create(spec, { isPartial: true })
    for (let number = 0; number < piecesPerTask; number++) {
      const seed = index * piecesPerTask + number
      await task.reserve(number).commit({
        ...facts,
        parentId: `10.1.2.${number % parents}-parent-${index % 100}-peer`,
        costMs: 1 + (seed % 50),
        digests: { crc32: seed, blake3: createHash('sha256').update(`${seed}`).digest() },
      })
    }
  }
  await store.close()
}

export async function openRecords(dir: string): Promise<OpenedRecords> {
  const before = rssNow()
  const startedAt = performance.now()
  const store = await openKind({ options: {} }, dir)
  const openMs = performance.now() - startedAt
  const openRssMiB = rssNow() - before
  let pieces = 0
  for (const task of store.list()) {
    for (let number = 0; number < task.pieceCount; number++) {
      if (task.piece(number) !== undefined) pieces += 1
    }
  }
  const askedRssMiB = rssNow() - before
  await store.close()
  return { openMs, openRssMiB, askedRssMiB, pieces }
}

function rssNow(): number {
  globalThis.gc?.()
  return rssMiB(process.pid)
}
