import type { Clock, Log } from '@damselfly/core'
import type { Metadata } from '../metadata/metadata.ts'

/** Being read counts as use, and use is recorded no more often than this: eviction needs no better order. */
const touchIntervalMs = 60_000

export interface TaskUseDeps {
  readonly clock: Clock
  readonly log: Log
  readonly metadata: Metadata
}

/** Who uses a task, and when it was used last. */
export class TaskUse {
  readonly #row: number
  readonly #deps: TaskUseDeps
  #updatedAt: number
  #recordedUpdate: number
  #leases = 0
  /** One for each of those who need the content. */
  #holds: Set<Disposable> | undefined
  /** What waits for those that held the content when it began to wait. */
  #waiting: { readonly holds: Set<Disposable>; readonly action: () => void }[] | undefined

  constructor(row: number, updatedAt: number, deps: TaskUseDeps) {
    this.#row = row
    this.#updatedAt = updatedAt
    this.#recordedUpdate = updatedAt
    this.#deps = deps
  }

  get updatedAt(): number {
    return this.#updatedAt
  }

  /** Somebody outside may read on, even when the task is deleted. */
  get isLeased(): boolean {
    return this.#leases > 0
  }

  /** The content is needed, by them or by the store itself. */
  get isHeld(): boolean {
    return (this.#holds?.size ?? 0) > 0
  }

  /** A piece of an earlier run came then, and is recorded itself. */
  restored(createdAt: number): void {
    this.#updatedAt = Math.max(this.#updatedAt, createdAt)
    this.#recordedUpdate = this.#updatedAt
  }

  touch(): void {
    this.#updatedAt = Math.max(this.#updatedAt, Math.trunc(this.#deps.clock.now()))
  }

  /** `released` is called once nobody needs the content any more. */
  lease(released: () => void): Disposable {
    this.touch()
    if (this.#updatedAt - this.#recordedUpdate >= touchIntervalMs) this.record()
    this.#leases += 1
    const hold = this.hold(released)
    return once(() => {
      this.#leases -= 1
      hold[Symbol.dispose]()
    })
  }

  hold(released: () => void): Disposable {
    this.#holds ??= new Set()
    const holds = this.#holds
    const hold = once(() => {
      holds.delete(hold)
      this.#released(hold)
      if (holds.size === 0) released()
    })
    holds.add(hold)
    return hold
  }

  /** Runs the action when all who hold the content now have let go of it, whoever came later: at once when nobody does. */
  afterHolders(action: () => void): void {
    if (this.#holds === undefined || this.#holds.size === 0) {
      action()
      return
    }
    this.#waiting ??= []
    this.#waiting.push({ holds: new Set(this.#holds), action })
  }

  #released(hold: Disposable): void {
    if (this.#waiting === undefined) return
    for (const { holds } of this.#waiting) holds.delete(hold)
    const due = this.#waiting.filter(({ holds }) => holds.size === 0)
    const left = this.#waiting.filter(({ holds }) => holds.size > 0)
    this.#waiting = left.length === 0 ? undefined : left
    for (const { action } of due) action()
  }

  /** Writes the time of the last use, which is kept in memory between. */
  record(): void {
    if (this.#recordedUpdate === this.#updatedAt) return
    this.#recordedUpdate = this.#updatedAt
    try {
      this.#deps.metadata.touchTask(this.#row, this.#updatedAt)
    } catch (err) {
      // Losing it makes eviction a little less fair, which is no reason to fail a reader.
      this.#deps.log.warn({ task: this.#row, err }, 'the use of a task was not recorded')
    }
  }
}

function once(end: () => void): Disposable {
  let isHeld = true
  return {
    [Symbol.dispose]: () => {
      if (isHeld) {
        isHeld = false
        end()
      }
    },
  }
}
