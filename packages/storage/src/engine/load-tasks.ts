import { type Log, pieceGeometry } from '@damselfly/core'
import type { Content, Medium } from '../media/medium.ts'
import { PieceTable } from '../metadata/piece-table.ts'
import { condemned, type TaskRow } from '../metadata/task-row.ts'
import type { EngineDeps } from './engine-deps.ts'
import { contentName, requestOf } from './move-content.ts'
import { EngineTask, type TaskEvents } from './stored-task.ts'

/** Contents are looked for so many at a time. */
const lookups = 32

export interface LoadOptions {
  readonly events: TaskEvents
  /** Later blocks may have been recorded although their bytes never reached the disk; `undefined` = there was no power cut. */
  readonly trustedEpoch: number | undefined
  /** The last sync point. */
  readonly syncedEpoch: number
}

interface Found {
  readonly facts: TaskRow
  readonly medium: Medium
  readonly content: Content
}

/**
 * The tasks of earlier runs whose content is there. What has been damaged is forgotten, as if it had never come; so is,
 * after a power cut, every piece since the last sync point whose bytes are not those that were recorded.
 */
export async function loadTasks(
  deps: EngineDeps,
  { events, trustedEpoch, syncedEpoch }: LoadOptions,
): Promise<EngineTask[]> {
  const found = await findContents(deps)
  deps.crash('open:unusable-dropped')
  await sweep(deps, found)
  deps.crash('open:swept')
  const tables = found.map(({ facts: { row, spec, isSealed } }) => {
    const geometry = pieceGeometry(spec.contentLength, spec.pieceLength)
    return new PieceTable(geometry, row, isSealed, deps.blocks)
  })
  const epochs = readPieces(tables, deps)
  const tasks = tables.flatMap((table, at) => {
    const one = found[at]
    return one === undefined ? [] : new EngineTask({ ...one, table }, events, deps)
  })
  const youngerThan = (epoch: number) => tasks.filter((_, at) => (epochs[at] ?? 0) > epoch)
  if (trustedEpoch !== undefined) await dropLost(youngerThan(trustedEpoch), trustedEpoch, deps.log)
  deps.crash('open:distrusted')
  // Not synced, as far as anybody knows: the next sync point takes care of it.
  for (const task of youngerThan(syncedEpoch)) deps.syncPoints.mark(task)
  for (const task of tasks) if (!task.isDeleted && !task.isComplete) await reopen(task, deps)
  return tasks.filter((task) => !task.isDeleted)
}

/** One that cannot be made ready (a full disk) is tried again when somebody wants more of it. */
async function reopen(task: EngineTask, { log }: EngineDeps): Promise<void> {
  try {
    await task.reopen()
  } catch (err) {
    log.warn({ taskId: task.spec.taskId, err }, 'an incomplete task is not ready for more pieces')
  }
}

async function findContents(deps: EngineDeps): Promise<Found[]> {
  const { log, metadata } = deps
  const drop = (row: number, taskId: string, why: string): void => {
    log.warn({ taskId, why }, 'task dropped')
    metadata.deleteTask(row)
  }
  const damaged: [number, string][] = []
  const rows = metadata.tasks((row, taskId) => damaged.push([row, taskId]))
  for (const [row, taskId] of damaged) drop(row, taskId, 'its row is damaged')
  const found: Found[] = []
  const next = rows.values()
  const lookUp = async (): Promise<void> => {
    for (const facts of next) {
      const { row, spec } = facts
      const one = await attach(facts, deps)
      if (typeof one === 'string') drop(row, spec.taskId, one)
      else found.push(one)
    }
  }
  await Promise.all(Array.from({ length: lookups }, lookUp))
  return found.sort((a, b) => a.facts.row - b.facts.row)
}

/** Or why the task cannot be used. */
async function attach(facts: TaskRow, { media }: EngineDeps): Promise<Found | string> {
  if (facts.medium === condemned) return 'its deletion was not finished'
  const medium = media.find(({ name }) => name === facts.medium)
  if (medium === undefined) return `its medium, ${facts.medium}, is not there`
  const content = await medium.attach(requestOf(facts, facts.life, false))
  if (content === undefined) return 'its content is missing or too short'
  if (facts.isSealed && content.key === undefined) {
    content.close()
    return 'its content is sealed and there is no key'
  }
  return { facts, medium, content }
}

async function sweep({ media }: EngineDeps, found: readonly Found[]): Promise<void> {
  for (const medium of media) {
    const owned = new Set(
      found
        .filter((one) => one.medium === medium)
        .map(({ facts }) => contentName(facts.spec.taskId, facts.life)),
    )
    await medium.sweep((name) => owned.has(name))
  }
}

/** Fills the tables of the tasks; returns of each when the youngest of its blocks was written, 0 without. Both are in order. */
function readPieces(tables: readonly PieceTable[], { metadata, log }: EngineDeps): number[] {
  const epochs = tables.map(() => 0)
  const damaged: { task: number; number: number }[] = []
  let at = 0
  metadata.blocks(({ task, number, epoch, bytes, isDamaged }) => {
    while ((tables[at]?.row ?? task) < task) at += 1
    const table = tables[at]
    const isGood = table?.row === task && !isDamaged && table.restore(number, bytes)
    if (isGood) epochs[at] = Math.max(epochs[at] ?? 0, epoch)
    else damaged.push({ task, number })
  })
  for (const { task, number } of damaged) {
    log.warn({ task, block: number }, 'damaged facts of pieces forgotten')
    metadata.deleteBlock(task, number)
  }
  return epochs
}

async function dropLost(tasks: readonly EngineTask[], epoch: number, log: Log): Promise<void> {
  let [checked, dropped] = [0, 0]
  for (const task of tasks) {
    for (const number of task.suspects(epoch)) {
      checked += 1
      if (await task.verify(number)) continue
      if (task.isDeleted) break
      dropped += 1
      await task.drop(number)
    }
  }
  log.info({ checked, dropped }, 'pieces checked after a power cut')
}
