import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { asTaskId, silentLog, systemClock, systemDisk } from '@damselfly/core'
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
import { type CrashPointName, openStore, type PieceStore } from '../../src/index.ts'
import {
  contentLength,
  type Plan,
  pieceLength,
  type Told,
  type Variant,
  variants,
} from './scenario.ts'

const child = new URL('./child.ts', import.meta.url).pathname

/** How often each point is passed when nothing goes wrong. */
export async function passings(variant: Variant): Promise<Map<CrashPointName, number>> {
  return await inDirectory(async (dirs) => {
    const { told, signal } = await runChild({ ...dirs, variant })
    if (signal !== null || told.at(-1)?.at !== 'end') throw new Error(`${variant} did not end well`)
    await check(dirs, variant, told)
    const counts = new Map<CrashPointName, number>()
    for (const each of told) {
      if (each.at === 'point') counts.set(each.name, (counts.get(each.name) ?? 0) + 1)
    }
    return counts
  })
}

/** Kills a process at a point of the protocol and opens what it left. Throws when anything is wrong there. */
export async function crashAt(
  variant: Variant,
  name: CrashPointName,
  passing: number,
): Promise<void> {
  await inDirectory(async (dirs) => {
    const { told, signal } = await runChild({ ...dirs, variant, die: { name, passing } })
    if (signal !== 'SIGKILL') throw new Error(`the child was not killed but ended with ${signal}`)
    await check(dirs, variant, told)
  })
}

type Dirs = Pick<Plan, 'dir' | 'outputDir'>

async function inDirectory<T>(action: (dirs: Dirs) => Promise<T>): Promise<T> {
  const root = await fs.mkdtemp(join(tmpdir(), 'damselfly-crash-'))
  try {
    const dirs = { dir: join(root, 'store'), outputDir: join(root, 'out') }
    await fs.mkdir(dirs.outputDir)
    await seed(dirs.dir)
    return await action(dirs)
  } finally {
    await fs.rm(root, { recursive: true })
  }
}

async function open(dir: string, variant?: Variant): Promise<PieceStore> {
  const seams = { clock: systemClock, disk: systemDisk, log: silentLog }
  return await openStore({ dir, keep: true, ...seams, ...(variant && variants[variant]) })
}

/** A store with a past: a task to go on with, one that has lost its content, and content that has lost its task. */
async function seed(dir: string): Promise<void> {
  const store = await open(dir)
  const half = await store.create(specOf({ id: 'half', contentLength, pieceLength }))
  await put(half, 1)
  const lost = await store.create(specOf({ id: 'lost', contentLength, pieceLength }))
  await fill(lost)
  const { place } = lost
  await store.close()
  if (place.kind === 'file') await fs.rm(place.path)
  await fs.writeFile(join(dir, 'content', 'tasks', 'stray'), 'x')
}

async function runChild(plan: Plan): Promise<{ told: Told[]; signal: NodeJS.Signals | null }> {
  const argv = ['--disable-warning=ExperimentalWarning', child, JSON.stringify(plan)]
  const running = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(running, 'exit')
  const lines = (await text(running.stdout)).split('\n').filter((line) => line !== '')
  const [, signal] = await exit
  return { told: lines.map((line) => JSON.parse(line)), signal }
}

async function check({ dir, outputDir }: Dirs, variant: Variant, told: Told[]): Promise<void> {
  const store = await open(dir, variant)
  try {
    await checkBytes(store)
    checkKept(store, variant, told)
    await checkOutputs(outputDir)
    await checkUse(store)
  } finally {
    await store.close()
  }
}

async function checkBytes(store: PieceStore): Promise<void> {
  if (store.get(asTaskId('lost')) !== undefined) throw new Error('a task without content is there')
  for (const task of store.list()) {
    for (const { number, offset, length } of task.pieces()) {
      const name = `piece ${number} of ${task.spec.taskId}`
      const bytes = await readBytes(task, offset, length)
      if (!isSame(bytes, contentBytes(offset, length))) throw new Error(`${name} has wrong bytes`)
      if (!(await task.verify(number))) throw new Error(`${name} has a wrong digest`)
    }
  }
}

function checkKept(store: PieceStore, variant: Variant, told: Told[]): void {
  const pieces = new Map<string, Set<number>>([['half', new Set([1])]])
  const kept = new Set(variant === 'tiered' ? ['half'] : ['half', 'first', 'second'])
  let isPinned = false
  for (const each of told) {
    if (each.at === 'end' || each.at === 'kept') for (const id of pieces.keys()) kept.add(id)
    if (each.at === 'pinned') isPinned = true
    if (each.at === 'committed') {
      pieces.set(each.task, (pieces.get(each.task) ?? new Set()).add(each.piece))
    }
    if (each.at === 'changing' && each.piece !== undefined)
      pieces.get(each.task)?.delete(each.piece)
    if (each.at === 'changing' && each.piece === undefined) pieces.delete(each.task)
    if (each.at === 'deleted' && store.get(asTaskId(each.task)) !== undefined) {
      throw new Error(`${each.task} was deleted and is there`)
    }
  }
  for (const [id, numbers] of pieces) {
    if (!kept.has(id)) continue
    const task = store.get(asTaskId(id))
    for (const number of numbers) {
      if (task?.have.get(number) !== true) throw new Error(`piece ${number} of ${id} is lost`)
    }
  }
  const first = store.get(asTaskId('first'))
  if (isPinned && first !== undefined && !first.isPinned) throw new Error('the pin is lost')
}

async function checkOutputs(outputDir: string): Promise<void> {
  const wanted: Record<string, number> = { linked: contentLength, part: pieceLength }
  for (const name of await fs.readdir(outputDir)) {
    const length = wanted[name]
    // A temporary name may stay; a killed process cannot clean up.
    if (length === undefined) continue
    const bytes = await fs.readFile(join(outputDir, name))
    if (!isSame(bytes, contentBytes(0, length))) throw new Error(`the output ${name} is wrong`)
  }
}

/** Whatever happened, work goes on. */
async function checkUse(store: PieceStore): Promise<void> {
  for (const id of ['half', 'first', 'second', 'lost', 'late']) {
    const task = await store.create(specOf({ id, contentLength, pieceLength }))
    await fill(task)
    if (!isSame(await readAll(task), contentOf(task))) throw new Error(`${id} cannot be filled`)
    await store.delete(task.spec.taskId)
  }
}
