import { type Clock, isDfError, type Log, type TaskId } from '@damselfly/core'
import { type GcOutcome, type GcRun, Tally } from './gc-run.ts'
import type { GcPlan, GcVictim } from './plan.ts'
import { type GcPolicy, type GcTask, lastUsedAt, standingOf } from './policy.ts'
import { Turns } from './turns.ts'

/** The part of a `PieceStore` that is cleaned. */
export interface GcStore<T extends GcTask = GcTask> {
  list(): Iterable<T>
  get(taskId: TaskId): T | undefined
  delete(taskId: TaskId): Promise<void>
  space(): Promise<{ readonly freeBytes: number; readonly usedBytes: number }>
}

interface SweepDeps {
  readonly store: GcStore
  readonly clock: Clock
  readonly log: Log
  readonly onDeleted?: (victim: GcVictim) => void
}

/** A deletion is a few rows and a file. So many at a time hide the disk's latency and hold nobody up. */
const deletionsPerTurn = { maxSteps: 8, maxMs: 5 }
/** A disk that has become read-only fails every deletion: the run ends after this many. */
const maxFailures = 16

/** The deletions of one run. */
export class Sweep {
  readonly #policy: GcPolicy
  readonly #deps: SweepDeps
  readonly #startedMs: number
  readonly #deleted = new Tally()
  #skipped = 0
  #failed = 0
  #firstFailure: unknown

  constructor(policy: GcPolicy, deps: SweepDeps) {
    this.#policy = policy
    this.#deps = deps
    this.#startedMs = deps.clock.monotonic()
  }

  get hasGivenUp(): boolean {
    return this.#failed >= maxFailures
  }

  /** `isGentle`: nobody waits for the room, so others come first. */
  async delete(
    victims: readonly GcVictim[],
    isGentle: boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const turns = new Turns({ ...deletionsPerTurn, isGentle }, this.#deps.clock)
    let underWay: Promise<void>[] = []
    for (const victim of victims) {
      if (this.hasGivenUp) break
      underWay.push(this.#deleteOne(victim))
      if (!turns.step()) continue
      await Promise.all(underWay)
      underWay = []
      await turns.pause(signal)
    }
    await Promise.all(underWay)
  }

  /** Everything up to the call of `delete` happens at once, so nobody can begin to use the task in between. */
  async #deleteOne(victim: GcVictim): Promise<void> {
    const { store, log, onDeleted } = this.#deps
    if (!this.#isStillDue(victim)) {
      this.#skipped += 1
      return
    }
    try {
      await store.delete(victim.taskId)
    } catch (err) {
      if (isDfError(err, 'TaskNotFound')) this.#skipped += 1
      else {
        this.#failed += 1
        this.#firstFailure ??= err
        log.debug({ taskId: victim.taskId, err }, 'a task could not be deleted')
      }
      return
    }
    this.#deleted.add(victim.reason, victim.bytes)
    onDeleted?.(victim)
  }

  /** Since the plan was made it may have been used, pinned, prolonged, or deleted and created anew. */
  #isStillDue({ task, taskId, standing, lastUsedAt: plannedUse }: GcVictim): boolean {
    const { store, clock } = this.#deps
    const current = store.get(taskId)
    if (current === undefined || current.createdAt !== task.createdAt) return false
    if (lastUsedAt(current) !== plannedUse) return false
    const now = standingOf(current, this.#policy, clock.now())
    return now === standing || now === 'expired'
  }

  toRun(kind: GcRun['kind'], outcome: GcOutcome, plan: GcPlan | undefined): GcRun {
    return {
      kind,
      outcome,
      durationMs: this.#deps.clock.monotonic() - this.#startedMs,
      deleted: this.#deleted.counts,
      deletedTasks: this.#deleted.tasks,
      freedBytes: this.#deleted.bytes,
      skippedTasks: this.#skipped,
      failedTasks: this.#failed,
      ownBytes: plan?.ownBytes ?? 0,
      capacityBytes: plan?.capacityBytes ?? 0,
      shortBytes: plan?.shortBytes ?? 0,
      ...(this.#failed > 0 && { firstFailure: this.#firstFailure }),
    }
  }
}
