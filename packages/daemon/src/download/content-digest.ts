import { type Clock, DfError, type DigestAlgorithm } from '@damselfly/core'
import type { DataPlane } from '../data/data-plane.ts'
import type { LiveTask } from './live-task.ts'
import { Wakeup } from './wakeup.ts'

/**
 * The digest of a task's whole content, computed while its pieces arrive: each is hashed as soon as all before it are here,
 * while its bytes are still in memory. Resolves shortly after the last piece; aborted by whoever knows that no more come.
 */
export async function contentDigest(
  algorithm: DigestAlgorithm,
  live: LiveTask,
  { data, clock }: { data: Pick<DataPlane, 'hasher'>; clock: Clock },
  signal: AbortSignal,
): Promise<string> {
  const { stored } = live
  const bell = new Wakeup()
  /** Everything before is hashed. */
  let next = 0
  let hashing: number | undefined
  let isStale = false
  const unlisten = live.listen({
    finished: () => bell.ring(),
    released: (piece) => {
      // It was hashed, and is not what it should have been.
      if (piece < next || piece === hashing) isStale = true
      bell.ring()
    },
  })
  let hasher = data.hasher(algorithm)
  try {
    for (;;) {
      signal.throwIfAborted()
      if (isStale) {
        hasher[Symbol.dispose]()
        hasher = data.hasher(algorithm)
        next = 0
        isStale = false
      }
      if (next === stored.pieceCount) {
        const digest = await hasher.digest()
        if (!isStale && stored.isComplete) return digest
        isStale = true
        continue
      }
      if (!live.has(next)) {
        if (!live.isActive) throw damaged(stored.spec.taskId)
        await bell.wait(clock, undefined, signal)
        continue
      }
      hashing = next
      await hasher.update(stored, next, signal)
      hashing = undefined
      next += 1
    }
  } finally {
    hasher[Symbol.dispose]()
    unlisten()
  }
}

function damaged(taskId: string): DfError {
  return new DfError(
    'DiskFailed',
    `A piece of task ${taskId} turned out to be damaged after the download; run it again to fetch it anew.`,
    { retryable: true },
  )
}
