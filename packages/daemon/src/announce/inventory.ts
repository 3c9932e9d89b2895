import type { PieceGeometry, TaskId } from '@damselfly/core'
import { pieceGeometry, type Validators, validatorsOf } from '@damselfly/core'
import type { LiveTasks } from '../download/live-tasks.ts'
import type { Held } from './scheduler-following.ts'

/** A message is closed when it has so many tasks, or bitmaps and validators of so many bytes. */
const maxTasks = 500
const maxBytes = 1024 * 1024

/** What this host holds, for a scheduler that does not know it: tasks with at least one piece, in messages of a bounded size. */
export function* inventory(
  tasks: Pick<LiveTasks, 'list'>,
  peerIdOf: (taskId: TaskId) => string,
): Generator<readonly Held[]> {
  let batch: Held[] = []
  let bytes = 0
  for (const { taskId, stored } of tasks.list()) {
    if (stored.have.count === 0) continue
    const { contentLength, pieceLength } = pieceGeometry(
      stored.spec.contentLength,
      stored.spec.pieceLength,
    ) satisfies PieceGeometry
    const validators = validatorsOf(stored.spec.responseHeader)
    const pieces = stored.have.toBytes() as Uint8Array<ArrayBuffer>
    batch.push({
      taskId,
      peerId: peerIdOf(taskId),
      contentLength: BigInt(contentLength),
      pieceLength: BigInt(pieceLength),
      validators,
      have: stored.have.isFull ? { case: 'whole', value: true } : { case: 'pieces', value: pieces },
    })
    bytes += textLength(validators) + (stored.have.isFull ? 0 : pieces.byteLength)
    if (batch.length < maxTasks && bytes < maxBytes) continue
    yield batch
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield batch
}

const textLength = (validators: Validators): number =>
  Object.values(validators).reduce((sum, { length }) => sum + length, 0)
