import { type Log, pieceGeometry } from '@damselfly/core'
import type { Content } from '../media/medium.ts'
import { PieceTable } from '../metadata/piece-table.ts'
import { condemned, type TaskRow } from '../metadata/task-row.ts'
import type { EngineDeps } from './engine-deps.ts'
import { partsOfName, requestOf } from './move-content.ts'
import { EngineTask } from './stored-task.ts'
import type { TaskEvents, TaskParts } from './task-parts.ts'

/** Contents are looked for so many at a time. */
const lookups = 32

export interface LoadOptions {
  readonly events: TaskEvents
  /** Later blocks may have been recorded although their bytes never reached the disk; `undefined` = there was no power cut. */
  readonly trustedEpoch: number | undefined
  /** The last sync point. */
  readonly syncedEpoch: number
}

/**
 * The tasks of earlier runs whose content is there. What has been damaged is forgotten, as if it had never come; so is,
 * after a power cut, every piece since the last sync point whose bytes are not those that were recorded.
 */
export async function loadTasks(
  deps: EngineDeps,
  { events, trustedEpoch, syncedEpoch }: LoadOptions,
): Promise<EngineTask[]> {
  const tasks = await findTasks(deps, events)
  deps.crash('open:unusable-dropped')
  await sweep(deps, tasks)
  deps.crash('open:swept')
  const epochs = readPieces(tasks, deps)
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

/** The tasks whose content is there, in order of their rows, without their pieces. */
async function findTasks(deps: EngineDeps, events: TaskEvents): Promise<EngineTask[]> {
  const { log, metadata } = deps
  const unusable: { row: number; taskId: string; why: string }[] = []
  const rows = metadata.tasks((row, taskId) =>
    unusable.push({ row, taskId, why: 'its row is damaged' }),
  )
  const tasks: EngineTask[] = []
  const lookUp = async (): Promise<void> => {
    for (const facts of rows) {
      const { row, spec } = facts
      // Most media know at once: a promise for each of very many tasks would take longer than the look.
      const attached = attach(facts, deps)
      const parts = attached instanceof Promise ? await attached : attached
      if (typeof parts === 'string') unusable.push({ row, taskId: spec.taskId, why: parts })
      else tasks.push(new EngineTask(parts, events, deps))
    }
  }
  await Promise.all(Array.from({ length: lookups }, lookUp))
  for (const { row, taskId, why } of unusable) {
    log.warn({ taskId, why }, 'task dropped')
    metadata.deleteTask(row)
  }
  return tasks.sort((a, b) => a.row - b.row)
}

/** Or why the task cannot be used. */
function attach(
  facts: TaskRow,
  deps: EngineDeps,
): Promise<TaskParts | string> | TaskParts | string {
  if (facts.medium === condemned) return 'its deletion was not finished'
  const medium = deps.media.find(({ name }) => name === facts.medium)
  if (medium === undefined) return `its medium, ${facts.medium}, is not there`
  const toParts = (content: Content | undefined): TaskParts | string => {
    if (content === undefined) return 'its content is missing or too short'
    if (facts.isSealed && content.key === undefined) {
      content.close()
      return 'its content is sealed and there is no key'
    }
    const { spec, row, isSealed } = facts
    const geometry = pieceGeometry(spec.contentLength, spec.pieceLength)
    return { facts, table: new PieceTable(geometry, row, isSealed, deps.blocks), content, medium }
  }
  const found = medium.attach(requestOf(facts, facts.life, false))
  return found instanceof Promise ? found.then(toParts) : toParts(found)
}

async function sweep({ media }: EngineDeps, tasks: readonly EngineTask[]): Promise<void> {
  for (const medium of media) {
    const lives = new Map<string, number>()
    for (const task of tasks) if (task.medium === medium) lives.set(task.spec.taskId, task.life)
    await medium.sweep((name) => {
      const { taskId, life } = partsOfName(name)
      return lives.get(taskId) === life
    })
  }
}

/** Fills the tables of the tasks; returns of each when the youngest of its blocks was written, 0 without. Both are in order. */
function readPieces(tasks: readonly EngineTask[], { metadata, log }: EngineDeps): number[] {
  const epochs = tasks.map(() => 0)
  const damaged: { row: number; number: number }[] = []
  let at = 0
  metadata.blocks(({ task: row, number, epoch, bytes, isDamaged }) => {
    while ((tasks[at]?.row ?? row) < row) at += 1
    const task = tasks[at]
    const isGood = task?.row === row && !isDamaged && task.restore(number, bytes)
    if (isGood) epochs[at] = Math.max(epochs[at] ?? 0, epoch)
    else damaged.push({ row, number })
  })
  for (const { row, number } of damaged) {
    log.warn({ task: row, block: number }, 'damaged facts of pieces forgotten')
    metadata.deleteBlock(row, number)
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
