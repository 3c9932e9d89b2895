import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { asTaskId } from '@damselfly/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  contentBytes,
  contentOf,
  fill,
  isSame,
  readAll,
  readBytes,
  specOf,
} from '../src/conformance/content.ts'
import type { StoredTask } from '../src/index.ts'
import type { CrashPlan } from './crash-writer.ts'
import { makeStoreDir, type StoreDir } from './store-dir.ts'

let place: StoreDir
beforeEach(async () => {
  place = await makeStoreDir()
})
afterEach(() => place[Symbol.asyncDispose]())

const pieceLength = 64 * 1024
const basePlan: CrashPlan = {
  keep: true,
  contentLength: 40 * pieceLength + 17,
  pieceLength,
  commits: [],
  end: 'after-commit',
}
const taskId = specOf().taskId

function startWriter(plan: CrashPlan): ChildProcess {
  const program = new URL('./crash-writer.ts', import.meta.url).pathname
  const flags = ['--disable-warning=ExperimentalWarning', program, place.dir, JSON.stringify(plan)]
  return spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] })
}

async function dieBySignal(child: ChildProcess): Promise<void> {
  const [, signal] = await once(child, 'exit')
  expect(signal).toBe('SIGKILL')
}

async function reopen(): Promise<StoredTask> {
  const task = (await place.open()).get(asTaskId(taskId))
  if (task === undefined) throw new Error('the task is gone')
  return task
}

async function expectRightBytes(task: StoredTask): Promise<void> {
  for (const { number, offset, length } of task.pieces()) {
    const bytes = await readBytes(task, offset, length)
    expect(isSame(bytes, contentBytes(offset, length)), `piece ${number}`).toBe(true)
  }
}

describe('a store whose process was killed', () => {
  const ends: [CrashPlan['end'], number[]][] = [
    ['after-commit', []],
    ['after-commit', [3]],
    ['after-commit', [40, 0, 7, 21]],
    ['mid-piece', [5, 1]],
    ['before-commit', [2, 8, 9]],
  ]
  test.each(ends)('%s of pieces %j has exactly the committed ones', async (end, commits) => {
    await dieBySignal(startWriter({ ...basePlan, end, commits }))
    const task = await reopen()
    expect([...task.have.setBits()]).toEqual([...commits].sort((a, b) => a - b))
    expect(task.pieces().map((piece) => piece.parentId)).toEqual(
      [...task.have.setBits()].map((number) => `peer-${number % 3}`),
    )
    await expectRightBytes(task)
    await fill(task)
    expect(isSame(await readAll(task), contentOf(task))).toBe(true)
  })

  test('has no task that was deleted', async () => {
    await dieBySignal(startWriter({ ...basePlan, commits: [0, 1], end: 'after-delete' }))
    expect((await place.open()).list()).toEqual([])
  })

  test('has every piece whose commit returned, whenever the kill comes', async () => {
    const committed = new Set<number>()
    for (let life = 0; life < 4; life++) {
      const commits = Array.from({ length: 41 }, (_, i) => i).filter((i) => !committed.has(i))
      const child = startWriter({ ...basePlan, commits, end: 'wait' })
      let heard = 0
      for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
        committed.add(Number(line))
        heard += 1
        // The child goes on while the signal travels: it dies anywhere in a later piece.
        if (heard === 6 + life) child.kill('SIGKILL')
      }
      const store = await place.open()
      const task = store.get(taskId)
      if (task === undefined) throw new Error('the task is gone')
      for (const number of committed) expect(task.have.get(number), `piece ${number}`).toBe(true)
      await expectRightBytes(task)
      for (const number of task.have.setBits()) committed.add(number)
      await store.close()
    }
  })
})
