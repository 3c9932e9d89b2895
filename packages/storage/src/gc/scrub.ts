import { isDfError, RateLimiter, sleep, type TaskId } from '@damselfly/core'
import type { ScrubCursor, ScrubDamage, ScrubDeps, ScrubOptions } from './scrub-deps.ts'
import { nextTasks, type ScrubTask } from './scrub-order.ts'
import { RunTally, type ScrubRun } from './scrub-run.ts'
import { Turns } from './turns.ts'

/** How long foreground traffic is let pass before it is looked again. */
const busyPauseMs = 1_000
/** A host that is always busy still has a piece looked at so often. */
const maxBusyMs = 60_000
/** A crash costs reading so many pieces again. */
const piecesPerSave = 64
/** Tasks are looked for in batches: finding a batch costs a walk over all of them. */
const tasksPerBatch = 1_024
const walkPerTurn = { maxSteps: 16, maxMs: 5 }
/** Most are passed over: they are too young. */
const piecesPerTurn = { maxSteps: 256, maxMs: 5 }
/** So many unreadable pieces in a row are a sick disk, not sick pieces. */
const maxUnreadable = 3

/**
 * Reads what nobody reads, slowly, and drops pieces that have gone bad before somebody asks for them. Round after round through
 * all pieces, by task id and number.
 *
 * A piece whose bytes differ from its digest is worthless and is dropped. One that the disk does not give at all is dropped only
 * once the disk gives another one: when it gives none, the disk may come back, and a store that forgets its content because
 * a cable is loose is worse than none.
 */
export class Scrub {
  readonly #options: ScrubOptions
  readonly #deps: ScrubDeps
  readonly #limiter: RateLimiter
  #cursor: ScrubCursor | undefined
  #isLoaded = false
  #unsaved = 0
  /** Pieces that could not be read, until it is known whether the disk or the piece is to blame. */
  readonly #suspects: Target[] = []

  constructor(options: ScrubOptions, deps: ScrubDeps) {
    this.#options = options
    this.#deps = deps
    this.#limiter = new RateLimiter({ bytesPerSec: options.bytesPerSec }, deps)
  }

  /** Bytes per second from now on. */
  setRate(bytesPerSec: number): void {
    this.#limiter.setRate({ bytesPerSec })
  }

  get cursor(): ScrubCursor | undefined {
    return this.#cursor
  }

  /**
   * Goes on with the round, or begins one that is due, until its end. Not twice at a time. An abort ends between two pieces, with
   * the place saved, and rejects.
   */
  async run(signal?: AbortSignal): Promise<ScrubRun> {
    signal?.throwIfAborted()
    const tally = new RunTally()
    const cursor = await this.#begin()
    if (cursor === undefined) return tally.toRun('waiting')
    this.#suspects.length = 0
    try {
      const isFinished = await this.#round(cursor, tally, signal)
      return tally.toRun(isFinished ? 'finished' : 'stopped')
    } finally {
      await this.#save()
    }
  }

  /** The place to go on from; `undefined` = nothing is due. */
  async #begin(): Promise<ScrubCursor | undefined> {
    if (!this.#isLoaded) this.#cursor = await this.#load()
    this.#isLoaded = true
    const cursor = this.#cursor
    const isOver = cursor !== undefined && cursor.next === undefined
    if (isOver && this.#isRecent(cursor.startedAt)) return undefined
    if (cursor === undefined || isOver) this.#cursor = { startedAt: this.#deps.clock.now() }
    return this.#cursor
  }

  /** True at the end of the store, false when the disk does not answer. */
  async #round(
    { startedAt, next: first }: ScrubCursor,
    tally: RunTally,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const turns = new Turns(piecesPerTurn, this.#deps.clock)
    let from = first
    for (;;) {
      const batch = await this.#nextBatch(from?.taskId as TaskId | undefined, signal)
      for (const task of batch) {
        const { taskId } = task.spec
        const firstPiece = from?.taskId === taskId ? from.number : 0
        for (const number of piecesFrom(task, firstPiece)) {
          this.#cursor = { startedAt, next: { taskId, number } }
          await this.#scrubPiece(task, number, tally, signal)
          if (tally.unreadableInARow >= maxUnreadable) return false
          this.#cursor = { startedAt, next: { taskId, number: number + 1 } }
          this.#unsaved += 1
          if (this.#unsaved >= piecesPerSave) await this.#save()
          if (turns.step()) await turns.pause(signal)
        }
        // The least id behind this one.
        from = { taskId: `${taskId}\0`, number: 0 }
        if (turns.step()) await turns.pause(signal)
      }
      if (batch.length < tasksPerBatch) break
    }
    this.#cursor = { startedAt }
    this.#unsaved += 1
    return true
  }

  async #nextBatch(from: TaskId | undefined, signal?: AbortSignal): Promise<ScrubTask[]> {
    const { store, clock } = this.#deps
    const steps = nextTasks(store.list(), from, tasksPerBatch)
    const turns = new Turns(walkPerTurn, clock)
    for (;;) {
      const step = steps.next()
      if (step.done === true) return step.value
      if (turns.step()) await turns.pause(signal)
    }
  }

  async #scrubPiece(
    task: ScrubTask,
    number: number,
    tally: RunTally,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const piece = task.piece(number)
    // It was checked when it came.
    if (piece === undefined || this.#isRecent(piece.createdAt)) return
    const target = { task, number, bytes: piece.length }
    if (!this.#isHere(target)) return
    await this.#leaveToOthers(signal)
    await this.#limiter.take(piece.length, signal)
    await this.#verify(target, tally)
  }

  /** Not so when it lies in the future: it was before the clock was put right. */
  #isRecent(time: number): boolean {
    const now = this.#deps.clock.now()
    return time <= now && now - time < this.#options.intervalMs
  }

  async #leaveToOthers(signal: AbortSignal | undefined): Promise<void> {
    const { clock, isBusy } = this.#deps
    for (let waitedMs = 0; waitedMs < maxBusyMs && isBusy?.() === true; waitedMs += busyPauseMs) {
      await sleep(clock, busyPauseMs, signal)
    }
  }

  async #verify(target: Target, tally: RunTally): Promise<void> {
    const { task, number, bytes } = target
    // It may have gone while this one waited for its turn.
    if (!this.#isHere(target)) return
    let isGood: boolean
    try {
      isGood = await task.verify(number)
    } catch (error) {
      if (isGone(error)) return
      tally.unreadable()
      this.#suspects.push(target)
      this.#report(target, 'unreadable', error)
      return
    }
    tally.verified(bytes)
    this.#deps.onVerified?.(bytes)
    if (!isGood && (await this.#drop(target))) {
      tally.damaged += 1
      this.#report(target, 'damaged')
    }
    // The disk reads, so what it did not read just before is lost.
    for (const suspect of this.#suspects.splice(0)) await this.#drop(suspect)
  }

  /** False when others were quicker, or the store could not. */
  async #drop(target: Target): Promise<boolean> {
    if (!this.#isHere(target)) return false
    try {
      await target.task.drop(target.number)
      return true
    } catch (err) {
      const { taskId } = target.task.spec
      if (!isGone(err))
        this.#deps.log.warn(
          { taskId, number: target.number, err },
          'a bad piece could not be dropped',
        )
      return false
    }
  }

  #isHere({ task, number }: Target): boolean {
    return this.#deps.store.get(task.spec.taskId) !== undefined && task.have.get(number)
  }

  #report({ task, number, bytes }: Target, kind: ScrubDamage['kind'], err?: unknown): void {
    const { log, onDamage } = this.#deps
    const facts = { taskId: task.spec.taskId, number, bytes }
    if (kind === 'damaged') log.warn(facts, 'a piece on disk has gone bad and was dropped')
    else log.warn({ ...facts, err }, 'a piece cannot be read from disk')
    onDamage?.({ ...facts, kind, ...(err !== undefined && { error: err }) })
  }

  async #load(): Promise<ScrubCursor | undefined> {
    try {
      return await this.#deps.loadCursor?.()
    } catch (err) {
      this.#deps.log.warn({ err }, 'the scrub begins anew: its place was not found')
      return undefined
    }
  }

  async #save(): Promise<void> {
    if (this.#cursor === undefined || this.#unsaved === 0) return
    this.#unsaved = 0
    try {
      await this.#deps.saveCursor?.(this.#cursor)
    } catch (err) {
      this.#deps.log.warn({ err }, 'the place of the scrub was not saved')
    }
  }
}

/** Deleted or dropped by others: no fault. */
const isGone = (error: unknown): boolean =>
  isDfError(error, 'TaskNotFound') || isDfError(error, 'PieceNotFound')

interface Target {
  readonly task: ScrubTask
  readonly number: number
  readonly bytes: number
}

/** Pieces may come and go meanwhile. */
function* piecesFrom({ have }: ScrubTask, first: number): Generator<number, void, undefined> {
  for (let at = have.firstSet(first); at !== undefined; at = have.firstSet(at + 1)) yield at
}
