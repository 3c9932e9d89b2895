import { readFileSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Random, randomInt, seededRandom, silentLog } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import {
  contentBytes,
  contentOf,
  fill,
  isSame,
  put,
  readAll,
  readBytes,
  specOf,
} from '../../src/conformance/content.ts'
import {
  type CrashPointName,
  openStore,
  type PieceStore,
  type StoreOptions,
} from '../../src/index.ts'
import { PlatterDisk } from './platter-disk.ts'

const pieceLength = 1500
const contentLength = 9 * pieceLength + 700
const ids = ['task-a', 'task-b', 'task-c', 'other']
const lanes = 3
const stepsPerLane = 40

/** Pieces as "<task> <piece>", with the number of the commit: a piece that came again is another. */
type Standing = ReadonlyMap<string, number>

/** What the store has promised: pieces that `commit` returned and nobody touched since. */
class Promises {
  readonly #pieces = new Map<string, number>()
  #commits = 0

  committed(id: string, piece: number): void {
    this.#commits += 1
    this.#pieces.set(`${id} ${piece}`, this.#commits)
  }

  taken(id: string, piece?: number): void {
    for (const key of this.#pieces.keys()) {
      if (piece === undefined ? key.startsWith(`${id} `) : key === `${id} ${piece}`) {
        this.#pieces.delete(key)
      }
    }
  }

  /** Those that stand now, and stood before. */
  standing(before: Standing = this.#pieces): Standing {
    return new Map([...this.#pieces].filter(([key, commit]) => before.get(key) === commit))
  }
}

interface Cut {
  readonly disk: PlatterDisk
  readonly database: Buffer
  readonly log: Uint8Array
  readonly promised: Standing
}

/** The stores whose power is cut. */
export const cutVariants = ['fast', 'durable', 'sealed'] as const
export type CutVariant = (typeof cutVariants)[number]

const optionsOf = (variant: CutVariant): Partial<StoreOptions> => ({
  mode: variant === 'durable' ? 'durable' : 'fast',
  ...(variant === 'sealed' ? { keyFor: () => new Uint8Array(32).fill(5) } : {}),
})

/**
 * Works on a store, cuts the power at some moment, and looks at what another kernel finds. Content is a `PlatterDisk`. The
 * metadata are SQLite's real files: of its log, sectors that were not synced are the old or the new ones at random; its database
 * file is as it is, since SQLite syncs it itself before it goes on. Throws when anything is wrong.
 */
export async function cutPower(seed: number, variant: CutVariant): Promise<void> {
  const random = seededRandom(seed)
  const root = await fs.mkdtemp(join(tmpdir(), 'damselfly-cut-'))
  const dir = join(root, 'store')
  try {
    const cut = await work(dir, variant, random)
    await fs.rm(dir, { recursive: true })
    await fs.mkdir(join(dir, 'metadata'), { recursive: true })
    await fs.writeFile(join(dir, 'metadata', 'tasks.sqlite'), cut.database)
    await fs.writeFile(join(dir, 'metadata', 'tasks.sqlite-wal'), cut.log)
    const options = { ...seams(cut.disk), ...optionsOf(variant), bootId: 'after' }
    const store = await openStore({ ...options, dir })
    await check(store, cut.promised)
    await store.close()
  } finally {
    await fs.rm(root, { recursive: true })
  }
}

function seams(disk: PlatterDisk): Pick<StoreOptions, 'clock' | 'disk' | 'log' | 'keep'> {
  return { clock: new FakeClock(), disk, log: silentLog, keep: true }
}

async function work(dir: string, variant: CutVariant, random: Random): Promise<Cut> {
  const disk = new PlatterDisk()
  const promises = new Promises()
  const clock = new FakeClock()
  const path = (name: string): string => join(dir, 'metadata', name)
  const read = (name: string): Buffer => readOrNothing(path(name))
  let syncedLog: Uint8Array = new Uint8Array()
  const noteLog = (): void => {
    syncedLog = read('tasks.sqlite-wal')
  }
  disk.onSystemSync = noteLog
  let [synced, beingSynced]: Standing[] = [new Map(), new Map()]
  let isMovingLog = false
  const crash = (name: CrashPointName): void => {
    if (name === 'sync:begun') beingSynced = promises.standing()
    if (name === 'sync:recorded') isMovingLog = true
    if (name !== 'sync:checkpoint') return
    isMovingLog = false
    noteLog()
    synced = beingSynced
  }
  const options = {
    ...seams(disk),
    ...optionsOf(variant),
    clock,
    crash,
    bootId: 'before',
    syncIntervalMs: 1000,
  }
  const store = await openStore({ ...options, dir })
  noteLog()
  const at = randomInt(random, variant === 'durable' ? 900 : 500)
  let operations = 0
  let cut: Cut | undefined
  const take = (): Cut => {
    const database = read('tasks.sqlite')
    // SQLite syncs its log before it moves it, which a thread of its own is doing: the log has all that the database has.
    if (isMovingLog) noteLog()
    return {
      disk: disk.cut(random),
      database,
      log: tornLog(syncedLog, read('tasks.sqlite-wal'), random),
      promised: variant === 'durable' ? promises.standing() : promises.standing(synced),
    }
  }
  disk.onOperation = () => {
    operations += 1
    if (operations === at) cut = take()
  }
  const syncPoint = (): Promise<void> => clock.advance(1000)
  const context: Context = { store, promises, random, syncPoint, isOver: () => cut !== undefined }
  await Promise.all(Array.from({ length: lanes }, () => lane(context)))
  const result = cut ?? take()
  await store.close()
  return result
}

interface Context {
  readonly store: PieceStore
  readonly promises: Promises
  readonly random: Random
  readonly syncPoint: () => Promise<void>
  readonly isOver: () => boolean
}

/** Does this and that. What one lane takes away may fail in another. */
async function lane(context: Context): Promise<void> {
  for (let step = 0; step < stepsPerLane && !context.isOver(); step++) {
    await act(context).catch((error) => {
      if (error.name !== 'DfError') throw error
    })
  }
}

async function act({ store, promises, random, syncPoint }: Context): Promise<void> {
  const id = ids[randomInt(random, ids.length)] ?? ''
  const task = await store.create(specOf({ id, contentLength, pieceLength }))
  const chance = random.next()
  if (chance < 0.06) {
    promises.taken(id)
    await store.delete(task.spec.taskId)
  } else if (chance < 0.14) {
    const held = [...task.have.setBits()]
    const piece = held[randomInt(random, held.length)]
    if (piece === undefined) return
    promises.taken(id, piece)
    await task.drop(piece)
  } else if (chance < 0.2) {
    const from = store.list().find((other) => other.isComplete && other !== task)
    if (from === undefined) return
    promises.taken(id)
    await task.adopt(from)
  } else if (chance < 0.26) {
    await syncPoint()
  } else {
    const missing = [...task.have.unsetBits()]
    const piece = missing[randomInt(random, missing.length)]
    if (piece === undefined) return
    // Bytes of a piece that never comes to its end.
    if (random.next() < 0.2) {
      const writer = task.writePiece(piece)
      await writer.write(new Uint8Array(1000).fill(0xee))
      writer.abort()
    }
    await put(task, piece, {}, random)
    // Another lane may have taken it away before we hear of it.
    const isThere = store.get(task.spec.taskId) === task && task.have.get(piece)
    if (isThere) promises.committed(id, piece)
  }
}

const logHeaderBytes = 32

function tornLog(synced: Uint8Array, now: Uint8Array, random: Random): Uint8Array {
  // Either everything has been written, or sectors of it, or nothing.
  const chance = random.next()
  if (chance < 0.3) return now
  if (chance < 0.5) return synced
  const sectorBytes = 512
  const end = randomInt(random, now.byteLength + 1)
  const log = new Uint8Array(Math.max(synced.byteLength, end))
  log.set(synced)
  for (let at = 0; at < end; at += sectorBytes) {
    if (random.next() < 0.02) continue
    log.set(now.subarray(at, Math.min(at + sectorBytes, end)), at)
  }
  // When SQLite begins the log anew it syncs the header before anything follows (its ticket ff5be73dee).
  log.set(now.subarray(0, Math.min(logHeaderBytes, log.byteLength)))
  return log
}

function readOrNothing(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch {
    return Buffer.alloc(0)
  }
}

async function check(store: PieceStore, promised: Standing): Promise<void> {
  for (const task of store.list()) {
    for (const { number, offset, length } of task.pieces()) {
      const bytes = await readBytes(task, offset, length)
      if (!isSame(bytes, contentBytes(offset, length))) {
        throw new Error(`piece ${number} of ${task.spec.taskId} has wrong bytes`)
      }
    }
  }
  for (const key of promised.keys()) {
    const [id, piece] = key.split(' ')
    const task = store.list().find(({ spec }) => spec.taskId === id)
    if (task?.have.get(Number(piece)) !== true) throw new Error(`piece ${piece} of ${id} is lost`)
  }
  for (const id of ids) {
    const task = await store.create(specOf({ id, contentLength, pieceLength }))
    await fill(task)
    if (!isSame(await readAll(task), contentOf(task))) throw new Error(`${id} cannot be filled`)
  }
}
