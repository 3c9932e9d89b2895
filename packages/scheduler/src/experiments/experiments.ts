import { isDeepStrictEqual } from 'node:util'
import { type Clock, DfError, type Log } from '@damselfly/core'
import type { ParentPolicy } from '@damselfly/policy'
import type { ArmChooser, SwarmArm } from '../core/swarm-arm.ts'
import { drawArm } from './draw-arm.ts'
import type { Experiment, PolicyChoice } from './experiment.ts'
import { parseExperiment } from './experiment-schema.ts'
import { type JournalEntry, readJournalEntry } from './journal-entry.ts'
import { Judge, type Judgement } from './judge/judge.ts'
import type { Verdict } from './judge/verdict.ts'
import type { SwarmRecord } from './swarm-record.ts'

export interface ExperimentsDeps {
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
  /** Throws `InvalidConfig`. */
  readonly createPolicy: (choice: PolicyChoice) => ParentPolicy
  /** Takes down what happens. Never throws. */
  readonly write?: (entry: JournalEntry) => void
}

export interface ExperimentStatus {
  readonly experiment: Experiment
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number
  /** Absent while it runs. */
  readonly stoppedAt?: number
  /** Swarms that were summed up, small ones too. */
  readonly swarms: number
  readonly judgements: readonly Judgement[]
}

export interface RecordPage {
  readonly records: readonly SwarmRecord[]
  readonly next?: number
}

/** Records that are kept for those who ask; the judge has seen the older ones, too. */
const MAX_RECORDS = 20_000

interface Current {
  readonly spec: unknown
  readonly experiment: Experiment
  readonly arms: ReadonlyMap<string, SwarmArm>
  readonly startedAt: number
  stoppedAt?: number
  readonly judge: Judge
  readonly records: SwarmRecord[]
  swarms: number
  readonly verdicts: Map<string, Verdict>
}

/**
 * The experiment of a cluster: one at a time, so that no two of them change the same swarm. It says which arm a swarm gets,
 * takes in how each one went, and judges. It changes nothing by itself: who reads a verdict ships or stops.
 */
export class Experiments {
  readonly #deps: ExperimentsDeps
  #current: Current | undefined

  constructor(deps: ExperimentsDeps) {
    this.#deps = deps
  }

  /** Bound, for the scheduler core. */
  readonly chooseArm: ArmChooser = (taskId, bornAt) => {
    const current = this.#current
    if (current === undefined || current.stoppedAt !== undefined) return undefined
    return current.arms.get(drawArm(current.experiment, taskId, bornAt).name)
  }

  /**
   * Starts an experiment described as `experimentSchema` says. Throws `InvalidArgument` for a description that is wrong,
   * `InvalidConfig` for a policy that there is not, and `AlreadyRunning`.
   */
  start(spec: unknown): ExperimentStatus {
    const running = this.#current
    if (running !== undefined && running.stoppedAt === undefined) {
      throw new DfError(
        'AlreadyRunning',
        `The experiment "${running.experiment.name}" runs; stop it before you start another one.`,
      )
    }
    const at = this.#deps.clock.now()
    const current = this.#begin(spec, at)
    this.#deps.write?.({ type: 'started', at, spec })
    this.#deps.log.info({ experiment: current.experiment.name }, 'experiment started')
    return statusOf(current)
  }

  /** Swarms that live keep their arm; new ones get none. Throws `InvalidArgument` when nothing runs. */
  stop(): ExperimentStatus {
    const current = this.#current
    if (current === undefined || current.stoppedAt !== undefined) {
      throw new DfError('InvalidArgument', 'No experiment runs.')
    }
    current.stoppedAt = this.#deps.clock.now()
    this.#deps.write?.({ type: 'stopped', at: current.stoppedAt })
    this.#deps.log.info({ experiment: current.experiment.name }, 'experiment stopped')
    return statusOf(current)
  }

  /** The experiment that runs, or else the last one; `undefined` when there was none. */
  status(): ExperimentStatus | undefined {
    return this.#current === undefined ? undefined : statusOf(this.#current)
  }

  /**
   * How swarms went, newest first, from before the position that an earlier page named; only the newest are kept. `arm`: only
   * those of that one, unless it is empty. `next`: where the next page begins, when there is one.
   */
  recordsBefore(position: number, count: number, arm = ''): RecordPage {
    const { records = [], swarms = 0 } = this.#current ?? {}
    const oldest = swarms - records.length
    const found: SwarmRecord[] = []
    let index = Math.min(position - oldest, records.length) - 1
    for (; index >= 0 && found.length < count; index--) {
      const record = records[index]
      if (record !== undefined && (arm === '' || record.arm === arm)) found.push(record)
    }
    return index < 0 ? { records: found } : { records: found, next: oldest + index + 1 }
  }

  /** A swarm has ended. Those of an experiment that was stopped meanwhile do not count. */
  record(record: SwarmRecord): void {
    const current = this.#current
    if (current === undefined || current.stoppedAt !== undefined) return
    if (!current.arms.has(record.arm) || record.bornAt < current.startedAt) return
    this.#count(current, record)
    this.#deps.write?.({ type: 'swarm', record })
    this.#tellVerdicts(current)
  }

  /** Takes back a line of the journal, in the order in which they were written; what is none of ours is passed over. */
  restore(line: unknown): void {
    const entry = readJournalEntry(line)
    const current = this.#current
    if (entry?.type === 'started') {
      // Every file of the journal repeats what it is about.
      const isKnown = current?.startedAt === entry.at && isDeepStrictEqual(current.spec, entry.spec)
      if (!isKnown) this.#restart(entry.spec, entry.at)
    } else if (current !== undefined && entry?.type === 'swarm') {
      this.#count(current, entry.record)
    } else if (current !== undefined && entry?.type === 'stopped') {
      current.stoppedAt = entry.at
    }
  }

  /** What a file of the journal begins with. */
  head(): JournalEntry | undefined {
    const current = this.#current
    if (current === undefined) return undefined
    return { type: 'started', at: current.startedAt, spec: current.spec }
  }

  /** One that this version cannot run is as good as stopped. */
  #restart(spec: unknown, at: number): void {
    try {
      this.#begin(spec, at)
    } catch (err) {
      this.#current = undefined
      this.#deps.log.warn({ err }, 'the experiment of the journal cannot go on')
    }
  }

  #begin(spec: unknown, startedAt: number): Current {
    const experiment = parseExperiment(spec)
    const arms = experiment.arms.map(({ name, policy, client }): [string, SwarmArm] => {
      const own = policy === undefined ? {} : { policy: this.#deps.createPolicy(policy) }
      return [name, { name, client, ...own }]
    })
    const current: Current = {
      spec,
      experiment,
      arms: new Map(arms),
      startedAt,
      judge: new Judge(experiment),
      records: [],
      swarms: 0,
      verdicts: new Map(),
    }
    this.#current = current
    return current
  }

  #count(current: Current, record: SwarmRecord): void {
    current.swarms += 1
    current.judge.add(record)
    current.records.push(record)
    if (current.records.length > MAX_RECORDS) current.records.splice(0, MAX_RECORDS / 10)
  }

  /** Once for each candidate, when its verdict becomes another one. */
  #tellVerdicts({ experiment, judge, verdicts }: Current): void {
    for (const { candidate, verdict, cause, reasons } of judge.judgements()) {
      if ((verdicts.get(candidate) ?? 'continue') === verdict) continue
      verdicts.set(candidate, verdict)
      const data = { experiment: experiment.name, candidate, verdict, cause, reasons }
      if (verdict === 'stop') this.#deps.log.warn(data, 'experiment judged')
      else this.#deps.log.info(data, 'experiment judged')
    }
  }
}

function statusOf({ experiment, startedAt, stoppedAt, swarms, judge }: Current): ExperimentStatus {
  return {
    experiment,
    startedAt,
    ...(stoppedAt === undefined ? {} : { stoppedAt }),
    swarms,
    judgements: judge.judgements(),
  }
}
