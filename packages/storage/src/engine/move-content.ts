import { DfError, type Log, pieceSpan } from '@damselfly/core'
import type { Content, ContentRequest, Medium } from '../media/medium.ts'
import type { EngineDeps } from './engine-deps.ts'
import type { EngineTask } from './stored-task.ts'

/** The disk is never given more in one call; other work gets its turn in between. */
const copyBytes = 1024 * 1024

/**
 * Gives the bytes of a task a new home: on another medium, or on the same one because others share them. The copy is on the
 * disk before the row says so, and the row before the old bytes go: a crash leaves one content too many, never one too few.
 * False when somebody began to receive a piece meanwhile, or the task was deleted: everything is as before.
 *
 * With `keepOld` the caller looks after the old content.
 */
export async function moveContent(
  task: EngineTask,
  medium: Medium,
  deps: EngineDeps,
  options: { keepOld?: boolean } = {},
): Promise<boolean> {
  const { crash, metadata } = deps
  const isDisturbed = (): boolean => task.isDeleted || task.isReceiving
  using _lease = task.hold()
  const old = task.home
  const { version } = task.table
  const life = deps.nextLife()
  crash('move:before-content')
  const content = await medium.create(requestOf(task, life, !task.isComplete))
  let isMoved = false
  try {
    crash('move:after-content')
    const isCopied = await copyPieces(task, old, content, () => {
      crash('move:part-copied')
      return isDisturbed()
    })
    if (!isCopied) return false
    crash('move:copied')
    await content.sync()
    crash('move:synced')
    // From here to the swap nothing else runs.
    if (isDisturbed() || task.home !== old || task.table.version !== version) return false
    metadata.moveTask(task.row, medium.name, life)
    crash('move:after-row')
    task.movedTo(content, medium)
    if (task.isComplete) content.settle?.()
    isMoved = true
  } finally {
    if (!isMoved) await discard(content, deps.log)
  }
  if (options.keepOld !== true) {
    // A power cut must not bring back a row whose bytes are gone.
    await deps.commits.syncLog()
    await discard(old, deps.log, task)
  }
  crash('move:after-removal')
  return true
}

/** Copies a complete content, e.g. into memory. Undefined when the task changed meanwhile. */
export async function copyContent(
  task: EngineTask,
  medium: Medium,
  deps: EngineDeps,
): Promise<Content | undefined> {
  using _lease = task.hold()
  const { version } = task.table
  const content = await medium.create(requestOf(task, deps.nextLife(), false))
  const isChanged = (): boolean => task.isDeleted || task.table.version !== version
  const isCopied = await copyPieces(task, task.home, content, isChanged).catch((err) => {
    content.close()
    throw err
  })
  if (isCopied && task.isComplete && !isChanged()) return content
  await discard(content, deps.log)
  return undefined
}

/** What a medium is told of a task's content. */
export function requestOf(
  { spec, isSealed }: Pick<ContentRequest, 'spec' | 'isSealed'>,
  life: number,
  isPartial: boolean,
): ContentRequest {
  const { taskId, contentLength } = spec
  return { name: contentName(taskId, life), sizeBytes: contentLength, spec, isSealed, isPartial }
}

/** A task that begins a new life gets other bytes: threads may still hold the old ones open. */
const contentName = (taskId: string, life: number): string => `${taskId}@${life}`

/** The inverse; the life of a name that the store has not given is NaN. */
export function partsOfName(name: string): { taskId: string; life: number } {
  const at = name.lastIndexOf('@')
  const life = Number(name.slice(at + 1))
  const taskId = name.slice(0, Math.max(at, 0))
  return { taskId, life: contentName(taskId, life) === name ? life : Number.NaN }
}

/**
 * Bytes that nobody names any more. Those that cannot be removed now will be when the store is opened next. With the task that
 * had them they are closed when nobody uses them any more.
 */
export async function discard(
  content: Content,
  log: Log,
  owner?: Pick<EngineTask, 'retire'>,
): Promise<void> {
  try {
    await content.remove(false)
  } catch (err) {
    log.warn({ err }, 'content that is no longer needed was not removed')
  } finally {
    if (owner === undefined) content.close()
    else owner.retire(content)
  }
}

async function copyPieces(
  task: EngineTask,
  from: Content,
  to: Content,
  isStopped: () => boolean,
): Promise<boolean> {
  const buffer = new Uint8Array(Math.min(copyBytes, task.spec.contentLength))
  for (const number of task.have.setBits()) {
    const { offset, length } = pieceSpan(task.geometry, number)
    for (let done = 0; done < length; done += buffer.byteLength) {
      const part = buffer.subarray(0, length - done)
      await copyPart(task, from, to, part, offset + done)
      if (isStopped()) return false
    }
  }
  return true
}

async function copyPart(
  task: EngineTask,
  from: Content,
  to: Content,
  part: Uint8Array,
  offset: number,
): Promise<void> {
  const count = await from.read(part, offset)
  if (count < part.byteLength) {
    const message = `The content of task ${task.spec.taskId} was cut to ${offset + count} bytes and cannot be moved.`
    throw new DfError('DiskFailed', message, { details: { taskId: task.spec.taskId } })
  }
  await to.write(part, offset)
}
