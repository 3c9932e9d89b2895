import { DfError, pieceGeometry, pieceSpan } from '@damselfly/core'
import { PieceHasher } from '@damselfly/core/hashing'
import { diskError } from '../disk-errors.ts'
import type { Content } from '../media/medium.ts'
import type { PieceFacts, StoredTask } from '../store.ts'
import type { WrittenPiece } from './commit-log.ts'
import type { EngineDeps } from './engine-deps.ts'
import { discard, requestOf } from './move-content.ts'
import type { EngineTask } from './stored-task.ts'

const facts: PieceFacts = { parentId: '', trafficType: 'local-peer', costMs: 0 }

/** Fills a task from another of the same content: both then share it when that is `ours`, or it is copied. */
export async function adoptContent(
  task: EngineTask,
  from: StoredTask,
  ours: EngineTask | undefined,
  deps: EngineDeps,
): Promise<void> {
  check(task, from)
  if (task === from) return
  using _lease = from.lease()
  if (ours !== undefined && (await share(task, ours, deps))) return
  await copy(task, from)
}

function check(task: EngineTask, from: StoredTask): void {
  task.checkPresent()
  const refuse = (why: string) =>
    new DfError('InvalidArgument', `Task ${task.spec.taskId} cannot adopt content: ${why}.`)
  if (!from.isComplete) throw refuse(`task ${from.spec.taskId} is not complete`)
  if (from.spec.contentLength !== task.spec.contentLength) throw refuse('the lengths differ')
  if (task.isReceiving) throw refuse('it is receiving a piece')
}

/** False when the bytes have to be copied. */
async function share(task: EngineTask, from: EngineTask, deps: EngineDeps): Promise<boolean> {
  const isSamePieces = from.spec.pieceLength === task.spec.pieceLength
  if (from.table.isSealed !== task.table.isSealed) return false
  // Sealed pieces open only as they were sealed.
  if (task.table.isSealed && !isSamePieces) return false
  const { crash, metadata } = deps
  const source = from.home
  const { version } = from.table
  const life = deps.nextLife()
  crash('adopt:before-link')
  const content = await from.medium.share?.(source, requestOf(task, life, false))
  if (content === undefined) return false
  let isDone = false
  try {
    crash('adopt:linked')
    const pieces = isSamePieces ? recordedPieces(from) : await hashedPieces(task, content)
    await content.sync()
    if (task.isReceiving || from.home !== source || from.table.version !== version) return false
    task.checkPresent()
    const old = task.home
    const recorded = metadata.transaction(() => {
      metadata.moveTask(task.row, from.medium.name, life)
      const done = task.record(pieces)
      crash('adopt:in-transaction')
      return done
    })
    task.movedTo(content, from.medium)
    isDone = true
    recorded.apply()
    crash('adopt:after-transaction')
    await deps.commits.syncLog()
    await discard(old, deps.log, task)
    crash('adopt:after-removal')
    return true
  } catch (error) {
    const doing = `Sharing content with task ${task.spec.taskId}`
    throw diskError(error, doing, content.file ?? from.medium.name)
  } finally {
    if (!isDone) await discard(content, deps.log)
  }
}

function recordedPieces(from: EngineTask): WrittenPiece[] {
  return from.table.rows.map(({ number, crc32, blake3, seal }) => {
    const piece = { number, digests: { crc32, blake3 }, facts }
    return seal === undefined ? piece : { ...piece, seal }
  })
}

/** The same bytes, cut in another way. */
async function hashedPieces(task: EngineTask, content: Content): Promise<WrittenPiece[]> {
  const { contentLength, pieceLength } = task.spec
  const geometry = pieceGeometry(contentLength, pieceLength)
  const pieces: WrittenPiece[] = []
  for (let number = 0; number < geometry.pieceCount; number++) {
    const { offset, length } = pieceSpan(geometry, number)
    const hasher = new PieceHasher()
    await eachPart(offset, length, async (part, at) => {
      const count = await content.read(part, at)
      if (count < part.byteLength) throw new DfError('DiskFailed', 'The content was cut.')
      hasher.update(part)
    })
    pieces.push({ number, digests: hasher.finish(), facts })
  }
  return pieces
}

async function copy(task: EngineTask, from: StoredTask): Promise<void> {
  const isSamePieces = from.spec.pieceLength === task.spec.pieceLength
  for (const number of task.have.unsetBits()) {
    const { offset, length } = pieceSpan(task.geometry, number)
    const writer = task.writePiece(number)
    try {
      await eachPart(offset, length, async (part, at) => {
        await from.read(part, at)
        await writer.write(part)
      })
      const blake3 = isSamePieces ? from.piece(number)?.blake3 : undefined
      await writer.commit({ ...facts, ...(blake3 === undefined ? {} : { expected: { blake3 } }) })
    } finally {
      writer.abort()
    }
  }
}

const partBytes = 1024 * 1024

async function eachPart(
  offset: number,
  length: number,
  visit: (part: Uint8Array, at: number) => Promise<void>,
): Promise<void> {
  const buffer = new Uint8Array(Math.min(length, partBytes))
  for (let done = 0; done < length; done += buffer.byteLength) {
    await visit(buffer.subarray(0, length - done), offset + done)
  }
}
