import { writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { type Clock, deferred, silentLog, systemDisk } from '@damselfly/core'
import { put, specOf } from '../../src/conformance/content.ts'
import { putPlaced } from '../../src/conformance/placed-tests.ts'
import type { EngineTask } from '../../src/engine/stored-task.ts'
import {
  type CrashPointName,
  openStore,
  type PieceStore,
  type StoreOptions,
} from '../../src/index.ts'

/** The stores whose protocol is tried. */
export const variants = {
  fast: {},
  durable: { mode: 'durable' },
  tiered: { media: { kind: 'tiered', maxBytes: 100_000 } },
  sealed: { keyFor: () => new Uint8Array(32).fill(9) },
} as const satisfies Record<string, Partial<StoreOptions>>

export type Variant = keyof typeof variants

export const pieceLength = 4096
export const contentLength = 4 * pieceLength + 100

/** What the child says it has done or is about to do; one JSON line each. */
export type Told =
  | { readonly at: 'committed'; readonly task: string; readonly piece: number }
  /** From now on nothing is promised of these. */
  | { readonly at: 'changing'; readonly task: string; readonly piece?: number }
  | { readonly at: 'deleted'; readonly task: string }
  | { readonly at: 'pinned'; readonly task: string }
  | { readonly at: 'kept'; readonly task: string }
  | { readonly at: 'point'; readonly name: CrashPointName }
  | { readonly at: 'end' }

/** Synchronous, so that the parent hears of it even when the next instruction is the last. */
const tell = (told: Told): void => {
  writeSync(1, `${JSON.stringify(told)}\n`)
}

export interface Plan {
  readonly dir: string
  readonly outputDir: string
  readonly variant: Variant
  /** Dies at the nth passing of the point. Without, tells every point. */
  readonly die?: { readonly name: CrashPointName; readonly passing: number }
}

/** Time that passes when it is told to. */
class StepClock implements Clock {
  #timers: (() => void)[] = []
  now = (): number => 1_700_000_000_000
  monotonic = (): number => 0
  schedule(delayMs: number, fn: () => void): () => void {
    if (delayMs === 0) void setImmediate().then(fn)
    else this.#timers.push(fn)
    return () => {}
  }
  step(): void {
    for (const fn of this.#timers.splice(0)) fn()
  }
}

/** Goes through the whole protocol of a store. */
export async function runScenario({ dir, outputDir, variant, die }: Plan): Promise<void> {
  const clock = new StepClock()
  let passed = 0
  let checkpoint = deferred()
  const crash = (name: CrashPointName): void => {
    if (die === undefined) tell({ at: 'point', name })
    if (name === 'delete:condemned') tell({ at: 'deleted', task: 'long' })
    if (name === 'sync:checkpoint') checkpoint.resolve()
    if (die?.name !== name) return
    passed += 1
    if (passed === die.passing) process.kill(process.pid, 'SIGKILL')
  }
  const options = { dir, keep: true, clock, disk: systemDisk, log: silentLog, crash }
  const store = await openStore({ ...options, ...variants[variant] })
  const syncPoint = async (): Promise<void> => {
    checkpoint = deferred()
    clock.step()
    await checkpoint.promise
  }
  await download(store)
  if (variant !== 'tiered') await syncPoint()
  await useAndExport(store, outputDir)
  await adoptAndDelete(store)
  await deleteLong(store)
  if (variant === 'tiered') await changeTiers(store)
  await store.close()
  tell({ at: 'end' })
}

const spec = (id: string) => specOf({ id, contentLength, pieceLength })

async function fillAndTell(store: PieceStore, id: string): Promise<EngineTask> {
  const task = (await store.create(spec(id))) as EngineTask
  for (const piece of [...task.have.unsetBits()]) {
    if (piece % 2 === 0) await put(task, piece, { parentId: `peer-${piece}` })
    else await putPlaced(task, piece)
    tell({ at: 'committed', task: id, piece })
  }
  // Between tiers a complete task moves in the background. Every run passes the same points, so all wait until it has moved.
  await until(() => task.medium.isKept)
  return task
}

async function download(store: PieceStore): Promise<void> {
  const task = await store.create(spec('first'))
  const writer = task.writePiece(0)
  await writer.write(new Uint8Array(pieceLength / 2))
  writer.abort()
  const together = [1, 2].map(async (piece) => {
    await put(task, piece, { parentId: 'peer-x' })
    tell({ at: 'committed', task: 'first', piece })
  })
  await Promise.all(together)
  await fillAndTell(store, 'first')
  await fillAndTell(store, 'half')
}

async function useAndExport(store: PieceStore, outputDir: string): Promise<void> {
  const task = await fillAndTell(store, 'first')
  task.retain({ isPinned: true })
  tell({ at: 'pinned', task: 'first' })
  task.recordContentDigest('sha256:first')
  await task.exportTo(`${outputDir}/linked`, { overwrite: false, forceHardLink: false })
  await task.exportTo(`${outputDir}/linked`, { overwrite: true, forceHardLink: false })
  const range = { start: 0, length: pieceLength }
  await task.exportTo(`${outputDir}/part`, { overwrite: false, forceHardLink: false, range })
  tell({ at: 'changing', task: 'first', piece: 1 })
  await task.drop(1)
  await fillAndTell(store, 'first')
}

async function adoptAndDelete(store: PieceStore): Promise<void> {
  const from = await fillAndTell(store, 'half')
  const to = await store.create(spec('second'))
  await to.adopt(from)
  const copied = (to as EngineTask).medium.isKept
  if (copied)
    for (const { number } of to.pieces()) tell({ at: 'committed', task: 'second', piece: number })
  tell({ at: 'changing', task: 'half' })
  await store.delete(from.spec.taskId)
  tell({ at: 'deleted', task: 'half' })
}

/** So many pieces that their rows go in several turns. */
async function deleteLong(store: PieceStore): Promise<void> {
  const task = await store.create(specOf({ id: 'long', contentLength: 20_000, pieceLength: 1 }))
  for (const piece of [0, 5_000, 19_999]) await put(task, piece)
  await store.delete(task.spec.taskId)
}

async function changeTiers(store: PieceStore): Promise<void> {
  const task = await fillAndTell(store, 'first')
  tell({ at: 'kept', task: 'first' })
  // Room for others makes the copy go; reading it again and again brings it back.
  await store.create(specOf({ id: 'large', contentLength: 99_000, pieceLength: 50_000 }))
  await until(() => task.copy === undefined)
  await store.delete(specOf({ id: 'large' }).taskId)
  for (let i = 0; i < 30; i++) task.lease()[Symbol.dispose]()
  await until(() => task.copy !== undefined)
  await store.create(specOf({ id: 'larger', contentLength: 99_500, pieceLength: 50_000 }))
  await store.delete(specOf({ id: 'larger' }).taskId)
  // Not complete: only a clean close brings it to the disk.
  await put(await store.create(spec('late')), 2)
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000_000; turn++) {
    if (condition()) return
    await setImmediate()
  }
  throw new Error('it did not happen')
}
