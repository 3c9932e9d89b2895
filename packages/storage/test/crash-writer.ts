// A process that works on a store and kills itself. Arguments: the store's directory and a `CrashPlan` as JSON.
import { writeSync } from 'node:fs'
import { silentLog, systemClock, systemDisk } from '@damselfly/core'
import { contentBytes, put, specOf } from '../src/conformance/content.ts'
import { openStore } from '../src/index.ts'

export interface CrashPlan {
  readonly keep: boolean
  readonly contentLength: number
  readonly pieceLength: number
  /** Pieces to commit, in this order. Each is reported by a line with its number. */
  readonly commits: readonly number[]
  /** How the life ends; `wait` = by the parent's hand. */
  readonly end: 'after-commit' | 'mid-piece' | 'before-commit' | 'after-delete' | 'wait'
}

const [dir = '', json = '{}'] = process.argv.slice(2)
const plan: CrashPlan = JSON.parse(json)
const store = await openStore({
  dir,
  keep: plan.keep,
  clock: systemClock,
  disk: systemDisk,
  log: silentLog,
})
const task = await store.create(specOf(plan))
for (const number of plan.commits) {
  await put(task, number, { parentId: `peer-${number % 3}` })
  // Synchronous, so that the parent hears of it even when the next instruction is the last.
  writeSync(1, `${number}\n`)
}
if (plan.end === 'mid-piece' || plan.end === 'before-commit') {
  const next = task.have.firstUnset() ?? 0
  const bytes = contentBytes(next * plan.pieceLength, plan.pieceLength)
  const writer = task.writePiece(next)
  await writer.write(plan.end === 'mid-piece' ? bytes.subarray(0, bytes.length / 2) : bytes)
}
if (plan.end === 'after-delete') await store.delete(task.spec.taskId)
if (plan.end !== 'wait') process.kill(process.pid, 'SIGKILL')
await new Promise((resolve) => setInterval(resolve, 60_000))
