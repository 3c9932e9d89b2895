import { mkdtemp, open, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asTaskId, isDfError, silentLog, systemDisk } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import { describe, expect, it } from 'vitest'
import type { MediaOptions } from '../open-media.ts'
import { openStore } from '../open-store.ts'
import type { PieceStore, StoredTask, TaskSpec } from '../store.ts'
import { Collector } from './collector.ts'
import { dayMs, testPolicy } from './gc-test-tasks.ts'
import type { GcPolicy } from './policy.ts'
import { Scrub } from './scrub.ts'
import type { ScrubDamage } from './scrub-deps.ts'

const pieceLength = 1_000
const id = (letter: string) => asTaskId(letter.repeat(64))

const specOf = (letter: string, contentLength: number): TaskSpec => ({
  taskId: id(letter),
  url: `http://origin.test/${letter}`,
  tag: '',
  application: '',
  contentLength,
  pieceLength,
  responseHeader: {},
})

/** A real store, cared for on a clock that the test moves. */
async function setUp(media: MediaOptions, policy: Partial<GcPolicy> = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'store-care-'))
  const clock = new FakeClock()
  const store = await openStore({
    dir,
    keep: true,
    clock,
    disk: systemDisk,
    log: silentLog,
    media,
  })
  const deps = { store, clock, log: silentLog }
  const damages: ScrubDamage[] = []
  const scrub = new Scrub(
    { bytesPerSec: 1e9, intervalMs: dayMs },
    { ...deps, onDamage: (damage) => damages.push(damage) },
  )
  const settled = async <T>(promise: Promise<T>): Promise<T> => {
    let isSettled = false
    const mark = (): void => {
      isSettled = true
    }
    promise.then(mark, mark)
    while (!isSettled) await clock.advance(1)
    return await promise
  }
  return {
    clock,
    store,
    collector: new Collector(testPolicy(policy), deps),
    scrub,
    damages,
    settled,
    [Symbol.asyncDispose]: async () => {
      await store.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** The first `pieces` of the task; all without a number. */
async function stored(
  store: PieceStore,
  letter: string,
  { contentLength = 3_000, pieces }: { contentLength?: number; pieces?: number } = {},
): Promise<StoredTask> {
  const task = await store.create(specOf(letter, contentLength))
  for (let number = 0; number < (pieces ?? task.pieceCount); number++) await putPiece(task, number)
  return task
}

async function putPiece(task: StoredTask, number: number): Promise<void> {
  const writer = task.writePiece(number)
  const length = Math.min(pieceLength, task.spec.contentLength - number * pieceLength)
  await writer.write(new Uint8Array(length).fill(number + 1))
  await writer.commit({ parentId: 'peer', trafficType: 'remote-peer', costMs: 1 })
}

const ids = (store: PieceStore): string[] =>
  store
    .list()
    .map(({ spec }) => spec.taskId.charAt(0))
    .toSorted()

describe('a real store', () => {
  it('loses what has expired, and nothing that is read, received, pinned or persistent', async () => {
    await using world = await setUp({ kind: 'disk' }, { taskTtlMs: 10 * dayMs })
    const { clock, store, collector, settled } = world
    for (const letter of 'abcdef') await stored(store, letter)
    store.get(id('b'))?.retain({ isPinned: true })
    store.get(id('c'))?.retain({ policy: 'persistent' })
    const reading = store.get(id('d'))?.lease()
    const receiving = await stored(store, 'g', { pieces: 1 })
    const writer = receiving.writePiece(1)
    await clock.advance(9 * dayMs)
    store.get(id('e'))?.lease()[Symbol.dispose]()
    await clock.advance(2 * dayMs)

    const report = await settled(collector.dryRun())
    expect(report.rows.map(({ taskId }) => taskId.charAt(0))).toEqual(['a', 'f'])
    expect((await settled(collector.run())).freedBytes).toBe(6_000)
    expect(ids(store)).toEqual(['b', 'c', 'd', 'e', 'g'])

    reading?.[Symbol.dispose]()
    writer.abort()
    await clock.advance(11 * dayMs)
    store.get(id('c'))?.retain({ expiresAt: clock.now() })
    await settled(collector.run())
    expect(ids(store)).toEqual(['b'])
  })

  it('makes room for a task that did not fit', async () => {
    await using world = await setUp({ kind: 'memory', maxBytes: 10_000 })
    const { clock, store, collector, settled } = world
    for (const letter of 'abc') {
      await stored(store, letter)
      await clock.advance(1_000)
    }
    const failure = await store.create(specOf('d', 4_000)).catch((error: unknown) => error)
    expect(isDfError(failure, 'DiskFull')).toBe(true)
    expect(await settled(collector.makeRoom(4_000))).toBe(true)
    expect(ids(store)).toEqual(['b', 'c'])
    await stored(store, 'd', { contentLength: 4_000 })
  })

  it('loses pieces that have gone bad on the disk, and takes them again', async () => {
    await using world = await setUp({ kind: 'disk' })
    const { clock, store, scrub, damages, settled } = world
    const flipped = await stored(store, 'a', { contentLength: 5_000 })
    const cut = await stored(store, 'b')
    await stored(store, 'c')
    await clock.advance(2 * dayMs)
    await flip(pathOf(flipped), 2_500)
    await truncate(pathOf(cut), 2_200)

    const run = await settled(scrub.run())
    expect(run).toMatchObject({ outcome: 'finished', verifiedPieces: 11, damagedPieces: 2 })
    expect(damages.map(({ taskId, number }) => [taskId.charAt(0), number])).toEqual([
      ['a', 2],
      ['b', 2],
    ])
    expect([...flipped.have.setBits()]).toEqual([0, 1, 3, 4])
    await putPiece(flipped, 2)
    expect(await flipped.verify(2)).toBe(true)
  })

  it('survives that a file is gone', async () => {
    await using world = await setUp({ kind: 'disk' })
    const { clock, store, scrub, settled } = world
    const gone = await stored(store, 'a')
    const there = await stored(store, 'b')
    await clock.advance(2 * dayMs)
    await rm(pathOf(gone))
    expect(await settled(scrub.run())).toMatchObject({ outcome: 'finished' })
    expect(there.isComplete).toBe(true)
  })
})

function pathOf({ place }: StoredTask): string {
  if (place.kind === 'file') return place.path
  throw new Error(`The content is not in a file, but ${place.kind}.`)
}

async function flip(path: string, offset: number): Promise<void> {
  await using file = await open(path, 'r+')
  const byte = new Uint8Array(1)
  await file.read(byte, 0, 1, offset)
  byte[0] = (byte[0] ?? 0) ^ 1
  await file.write(byte, 0, 1, offset)
}
