import { setImmediate } from 'node:timers/promises'
import { silentLog, systemClock } from '@damselfly/core'
import type { PieceStore, StoredTask } from '@damselfly/storage'
import { Collector, type GcPolicy, type GcRun } from '@damselfly/storage/gc'
import { openPlace, PlacedPieceWriter } from '@damselfly/storage/place'
import { openKind, taskOf } from './kinds.ts'
import { facts } from './passes.ts'

// Runs in a process of its own.

export interface Collection {
  /** The longest time between two pieces of the writer. */
  readonly worstGapMs: number
  /** When that was, since the beginning. */
  readonly worstAtMs: number
  readonly p99GapMs: number
  readonly pieces: number
  readonly ms: number
}

export interface CollectionResult {
  readonly during: Collection
  /** The same writer alone, for as long, up to a limit. */
  readonly alone: Collection
  readonly deletedTasks: number
}

const smallBytes = 4 * 1024
const pieceBytes = 1024 ** 2
const piecesPerDownload = 64
const maxAloneMs = 20_000
const warmUpMs = 500

/** Everything that nobody uses is too old. */
const policy: GcPolicy = {
  taskTtlMs: 1,
  persistentTtlMs: 0,
  persistentCacheTtlMs: 0,
  incompleteTtlMs: 0,
  incompleteMinIdleMs: 60_000,
  highPercent: 100,
  lowPercent: 100,
  quotas: [],
}

/** Deletes that many tasks of one piece by garbage collection while a download goes on on the same thread. */
export async function collect(dir: string, tasks: number): Promise<CollectionResult> {
  const store = await openKind({ options: {} }, dir)
  for (let index = 0; index < tasks; index++) await addSmallTask(store, index)
  // The first download loads and compiles what the others use; then all tasks are too old.
  await download(store, 'first', new Promise((end) => setTimeout(end, warmUpMs)))

  const deps = { store, clock: systemClock, log: silentLog }
  const collecting = new Collector(policy, deps).run()
  const during = await download(store, 'during', collecting)
  const { deletedTasks }: GcRun = await collecting
  const aloneMs = Math.min(during.ms, maxAloneMs)
  const alone = await download(store, 'alone', new Promise((end) => setTimeout(end, aloneMs)))
  await store.close()
  return { during, alone, deletedTasks }
}

async function addSmallTask(store: PieceStore, index: number): Promise<void> {
  const task = await store.create(taskOf(`small-${index}`, 1, smallBytes))
  await writePiece(task, 0, new Uint8Array(smallBytes).fill(index))
}

/** One download after the other, until `end`. */
async function download(
  store: PieceStore,
  name: string,
  end: Promise<unknown>,
): Promise<Collection> {
  let isOver = false
  const over = (): void => {
    isOver = true
  }
  end.then(over, over)
  const bytes = new Uint8Array(pieceBytes).fill(1)
  const gaps: number[] = []
  const worst = { gapMs: 0, atMs: 0 }
  const startedAt = performance.now()
  let last = startedAt
  for (let index = 0; index === 0 || !isOver; index++) {
    const spec = taskOf(`${name}-${index}`, piecesPerDownload, pieceBytes)
    const task = await store.create(spec)
    // A task in use is no garbage, between two pieces either.
    const lease = task.lease()
    for (let number = 0; number < piecesPerDownload && (gaps.length === 0 || !isOver); number++) {
      await writePiece(task, number, bytes)
      const now = performance.now()
      const gapMs = now - last
      gaps.push(gapMs)
      if (gapMs > worst.gapMs) Object.assign(worst, { gapMs, atMs: now - startedAt })
      last = now
      await setImmediate()
    }
    lease[Symbol.dispose]()
    await store.delete(spec.taskId)
  }
  gaps.sort((a, b) => a - b)
  return {
    worstGapMs: worst.gapMs,
    worstAtMs: worst.atMs,
    p99GapMs: gaps[Math.floor(gaps.length * 0.99)] ?? 0,
    pieces: gaps.length,
    ms: performance.now() - startedAt,
  }
}

async function writePiece(task: StoredTask, number: number, bytes: Uint8Array): Promise<void> {
  const reservation = task.reserve(number)
  const open = openPlace(reservation.place)
  const writer = new PlacedPieceWriter(open, reservation)
  writer.write(bytes)
  await reservation.commit({ ...facts, ...(await writer.finish()) })
  await open.close()
}
