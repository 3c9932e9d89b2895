import {
  abortable,
  type Clock,
  DfError,
  deadline,
  isAbort,
  type Log,
  linkSignals,
  Semaphore,
  type TaskId,
} from '@damselfly/core'
import { type GcOutcome, type GcReport, type GcRun, gcReport, logLine } from './gc-run.ts'
import { type GcInput, type GcPlan, type GcVictim, planSteps } from './plan.ts'
import type { GcPolicy } from './policy.ts'
import { type GcStore, Sweep } from './sweep.ts'
import { Turns } from './turns.ts'

export interface CollectorDeps {
  readonly store: GcStore
  readonly clock: Clock
  readonly log: Log
  /** Told after each deletion, so that the scheduler and metrics hear of it. Must not throw. */
  readonly onDeleted?: (victim: GcVictim) => void
  readonly onRun?: (run: GcRun) => void
}

export interface RoomOptions {
  /** Never deleted: the task that the room is for. */
  readonly sparing?: TaskId
  readonly signal?: AbortSignal
}

/** A step of planning looks at a few hundred tasks. */
const planningPerTurn = { maxSteps: 16, maxMs: 5 }
/** A download waits no longer for room. */
const roomDeadlineMs = 30_000
/** Others may take some of what was freed before it is seen. */
const maxRoomRounds = 3

/** Carries out what `planGc` decides, a little at a time. */
export class Collector {
  readonly #deps: CollectorDeps
  readonly #regular = new Semaphore(1)
  readonly #rooms = new Semaphore(1)
  #policy: GcPolicy

  constructor(policy: GcPolicy, deps: CollectorDeps) {
    this.#policy = policy
    this.#deps = deps
  }

  /** Holds from the next run on; one under way keeps what it began with. */
  setPolicy(policy: GcPolicy): void {
    this.#policy = policy
  }

  /**
   * Deletes what has to go. Runs follow one another; an abort ends between two deletions and rejects. Deletions that fail
   * are counted and logged, not thrown.
   */
  async run(signal?: AbortSignal): Promise<GcRun> {
    const release = await this.#regular.acquire(signal)
    try {
      return await this.#collect('regular', {}, signal)
    } finally {
      release()
    }
  }

  /** What `run` would delete now. Deletes nothing. At most `maxRows` victims are listed, 1000 when not given. */
  async dryRun(options: { maxRows?: number; signal?: AbortSignal } = {}): Promise<GcReport> {
    const { maxRows = 1_000, signal } = options
    const policy = this.#policy
    const now = this.#deps.clock.now()
    return gcReport(await this.#plan(policy, {}, signal), { policy, now, maxRows })
  }

  /**
   * Somebody needs `bytes`: true when disk and quota have them free, after deletions if need be. Quick when there is room.
   * When even deleting everything that may go would not do, nothing is deleted: it would help nobody. Does not wait for
   * a regular run, and gives up after half a minute.
   */
  async makeRoom(bytes: number, options: RoomOptions = {}): Promise<boolean> {
    const { clock } = this.#deps
    using timeout = deadline(clock, roomDeadlineMs, () => new DfError('Timeout', tooSlow))
    using linked = linkSignals(options.signal, timeout.signal)
    try {
      return await abortable(
        this.#makeRoom(bytes, { ...options, signal: linked.signal }),
        linked.signal,
      )
    } catch (err) {
      if (options.signal?.aborted === true) throw err
      this.#deps.log.warn({ neededBytes: bytes, err }, 'no room could be made')
      return false
    }
  }

  /** One after another: two that need room must not count the same free bytes as theirs while they choose. */
  async #makeRoom(bytes: number, { sparing, signal }: RoomOptions): Promise<boolean> {
    const release = await this.#rooms.acquire(signal)
    try {
      let roomBytes = await this.#missing(bytes)
      for (let round = 0; roomBytes > 0 && round < maxRoomRounds; round++) {
        const run = await this.#collect('room', { roomBytes, sparing }, signal)
        if (run.shortBytes > 0) return false
        const before = roomBytes
        roomBytes = await this.#missing(bytes)
        // Outputs that are hard links keep their bytes, or strangers take what is freed: more of the same would not help.
        if (roomBytes >= before) return false
      }
      return roomBytes <= 0
    } finally {
      release()
    }
  }

  async #missing(bytes: number): Promise<number> {
    const { freeBytes, usedBytes } = await this.#deps.store.space()
    const { quotaBytes = Number.POSITIVE_INFINITY } = this.#policy
    return Math.max(bytes - freeBytes, usedBytes + bytes - quotaBytes)
  }

  async #collect(
    kind: GcRun['kind'],
    wish: Pick<GcInput, 'roomBytes' | 'sparing'>,
    signal: AbortSignal | undefined,
  ): Promise<GcRun> {
    const policy = this.#policy
    const sweep = new Sweep(policy, this.#deps)
    let plan: GcPlan | undefined
    const end = (outcome: GcOutcome): GcRun => {
      const run = sweep.toRun(kind, outcome, plan)
      this.#tell(run)
      return run
    }
    try {
      plan = await this.#plan(policy, wish, signal)
      const isUseless = kind === 'room' && plan.shortBytes > 0
      if (!isUseless) await sweep.delete(plan.victims, kind === 'regular', signal)
    } catch (error) {
      // What was deleted until then is gone, and counts.
      end(signal?.aborted === true || isAbort(error) ? 'aborted' : 'failed')
      throw error
    }
    return end(sweep.hasGivenUp ? 'failed' : 'done')
  }

  async #plan(
    policy: GcPolicy,
    wish: Pick<GcInput, 'roomBytes' | 'sparing'>,
    signal: AbortSignal | undefined,
  ): Promise<GcPlan> {
    signal?.throwIfAborted()
    const { store, clock } = this.#deps
    const { freeBytes } = await store.space()
    const input = { tasks: store.list(), freeBytes, policy, now: clock.now(), ...wish }
    const steps = planSteps(input)
    const turns = new Turns(planningPerTurn, clock)
    for (;;) {
      const step = steps.next()
      if (step.done === true) return step.value
      if (turns.step()) await turns.pause(signal)
    }
  }

  #tell(run: GcRun): void {
    const { log, onRun } = this.#deps
    onRun?.(run)
    const line = logLine(run)
    if (run.outcome === 'failed' || run.failedTasks > 0)
      log.warn(line, 'garbage collection did not get through')
    else if (run.deletedTasks > 0 || run.shortBytes > 0) log.info(line, 'garbage collected')
    else log.debug(line, 'no garbage')
  }
}

const tooSlow = 'Making room in the store took too long.'
