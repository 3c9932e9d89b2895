import { isDfError, type Log } from '@damselfly/core'
import type { Medium } from '../media/medium.ts'
import type { MemoryMedium } from '../media/memory-medium.ts'
import type { EngineDeps } from './engine-deps.ts'
import { copyContent, moveContent } from './move-content.ts'
import type { EngineTask } from './stored-task.ts'

export interface TieringOptions {
  /** The bounded memory. */
  readonly memory: MemoryMedium
  /** The same as the store writes to it, sealed perhaps. */
  readonly fast: Medium
  /** Where everything comes to lie in the end. */
  readonly kept: Medium
}

/** A task whose pieces have been asked for this often on average is worth a place in memory. */
const hotReadsPerPiece = 2
/** Reads longer ago do not make a task hot. */
const hotWindowMs = 5 * 60_000
/** One task may take this part of the memory by being hot. */
const maxHotShare = 0.25

/**
 * Memory over a disk. New tasks begin in memory while they fit. A task that is complete is written to the disk in the background
 * and keeps its bytes in memory as a mere copy, which goes at once when others need the room; tasks that are read often get such
 * a copy again. Only what is on the disk survives the process; closing writes the rest.
 */
export class Tiering {
  readonly #options: TieringOptions
  readonly #log: Log
  #deps: EngineDeps | undefined
  /** Tasks with a copy, the longest unused first. */
  readonly #copies = new Set<EngineTask>()
  readonly #reads = new Map<EngineTask, { since: number; count: number }>()
  /** Tasks to be written to the disk (or to be copied into memory) next. */
  readonly #queue = new Set<EngineTask>()
  #running: Promise<void> | undefined
  #isClosing = false

  constructor(options: TieringOptions, log: Log) {
    this.#options = options
    this.#log = log
  }

  /** The store and its tiering need each other. */
  attach(deps: EngineDeps): void {
    this.#deps = deps
  }

  /** Gives up copies until so many bytes are free. */
  makeRoom(bytes: number): void {
    let freed = 0
    for (const task of this.#copies) {
      if (freed >= bytes) return
      // Its memory comes when its readers have gone, which is too late.
      if (task.isInUse) continue
      if (task.copy !== undefined) freed += task.spec.contentLength
      this.#evict(task)
    }
  }

  /** The task is to be on the disk, as soon as the disk has time. */
  spill(task: EngineTask): void {
    if (task.medium.isKept || this.#isClosing) return
    this.#enqueue(task)
  }

  /** Memory was refused: what nobody writes to goes to the disk. */
  spillIdle(tasks: Iterable<EngineTask>): void {
    for (const task of tasks) if (!task.medium.isKept && !task.isReceiving) this.spill(task)
  }

  wasRead(task: EngineTask): void {
    // A copy may have gone without us: a piece of it was dropped.
    this.#copies.delete(task)
    if (task.copy !== undefined) {
      this.#copies.add(task)
      return
    }
    if (!task.isComplete || !task.medium.isKept || this.#isClosing) return
    if (task.spec.contentLength > this.#options.memory.maxBytes * maxHotShare) return
    const now = this.#deps?.clock.monotonic() ?? 0
    let reads = this.#reads.get(task)
    if (reads === undefined || now - reads.since > hotWindowMs) reads = { since: now, count: 0 }
    reads.count += 1
    this.#reads.set(task, reads)
    if (reads.count <= hotReadsPerPiece * task.pieceCount) return
    this.#reads.delete(task)
    this.#enqueue(task)
  }

  forget(task: EngineTask): void {
    this.#copies.delete(task)
    this.#reads.delete(task)
    this.#queue.delete(task)
  }

  /** Resolves when nothing is on its way between the tiers. */
  async settled(): Promise<void> {
    await this.#running
  }

  /** Writes what is only in memory to the disk. */
  async close(tasks: Iterable<EngineTask>): Promise<void> {
    this.#isClosing = true
    this.#queue.clear()
    await this.#running
    for (const task of tasks) {
      if (task.medium.isKept || task.isDeleted) continue
      await this.#attempt(task, () => this.#spillNow(task))
    }
  }

  #enqueue(task: EngineTask): void {
    this.#queue.add(task)
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    for (const task of this.#queue) {
      this.#queue.delete(task)
      await this.#attempt(task, () =>
        task.medium.isKept ? this.#promote(task) : this.#spillNow(task),
      )
    }
    this.#running = undefined
  }

  async #attempt(task: EngineTask, action: () => Promise<void>): Promise<void> {
    try {
      if (!task.isDeleted) await action()
    } catch (err) {
      // No room in memory is how it is most of the time.
      if (isDfError(err, 'DiskFull') && task.medium.isKept) return
      this.#log.warn({ taskId: task.spec.taskId, err }, 'a task could not be moved between tiers')
    }
  }

  async #spillNow(task: EngineTask): Promise<void> {
    if (this.#deps === undefined) return
    const old = task.home
    const isMoved = await moveContent(task, this.#options.kept, this.#deps, { keepOld: true })
    if (!isMoved) return
    if (!task.isComplete || task.isDeleted || this.#isClosing) {
      task.retire(old)
      return
    }
    task.keepCopy(old)
    this.#copies.add(task)
  }

  async #promote(task: EngineTask): Promise<void> {
    if (this.#deps === undefined || task.copy !== undefined || !task.isComplete) return
    const { crash } = this.#deps
    crash('promote:before-copy')
    const copy = await copyContent(task, this.#options.fast, this.#deps)
    if (copy === undefined) return
    task.keepCopy(copy)
    this.#copies.add(task)
    crash('promote:copied')
  }

  #evict(task: EngineTask): void {
    this.#copies.delete(task)
    task.forgetCopy()
    this.#deps?.crash('evict')
  }
}
