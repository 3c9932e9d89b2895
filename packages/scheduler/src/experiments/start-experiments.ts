import { join } from 'node:path'
import type { Clock, Disk, Log, Random } from '@damselfly/core'
import { createPolicy, type ParentPolicy } from '@damselfly/policy'
import type { SchedulerEvent } from '../core/events.ts'
import type { SchedulerCore } from '../core/scheduler-core.ts'
import type { ArmChooser } from '../core/swarm-arm.ts'
import type { PolicyChoice } from './experiment.ts'
import { Experiments } from './experiments.ts'
import type { ExperimentsConfig } from './experiments-config.ts'
import { JsonLines } from './json-lines.ts'
import { Lateness } from './shadow/lateness.ts'
import { Shadow, type ShadowReport } from './shadow/shadow.ts'
import { Snapshots } from './shadow/snapshots.ts'
import { watchedPolicy } from './shadow/watched-policy.ts'
import { SwarmWatch } from './swarm-watch.ts'

export interface ExperimentsRunDeps {
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly log: Log
  /** Asked only after it has been made; it is made of what `startExperiments` gives. */
  readonly core: () => Pick<SchedulerCore, 'statPeer'>
  /** How often `tick` comes. */
  readonly tickMs: number
}

/** What experiments are to the rest of the scheduler. */
export interface RunningExperiments {
  readonly experiments: Experiments
  readonly chooseArm: ArmChooser
  /** The policy in use, whose decisions may be looked at from now on. */
  watched(policy: ParentPolicy): ParentPolicy
  /** After an event has been applied; `decisionMs`: what that took, when parents were chosen. */
  observe(event: SchedulerEvent, decisionMs?: number): void
  shadowReport(): ShadowReport | undefined
  /** Ends after what was written down is on the disk. */
  stop(): Promise<void>
}

const MIB = 1024 * 1024
/** A swarm is about 400 bytes: these hold some 300,000 of them. */
const journalLimits = { maxBytes: 16 * MIB, maxFiles: 8 }
/** A decision is about 80 bytes for each member of its swarm. */
const snapshotLimits = { maxBytes: 32 * MIB, maxFiles: 4 }

const createChosen = ({ name, params }: PolicyChoice): ParentPolicy => createPolicy(name, params)

/** Opens the journal, goes on with the experiment that ran, or starts the one of the configuration. */
export async function startExperiments(
  config: ExperimentsConfig,
  deps: ExperimentsRunDeps,
): Promise<RunningExperiments> {
  const { clock, disk, log, core } = deps
  const logs: JsonLines[] = []
  let journal: JsonLines | undefined
  const experiments = new Experiments({
    clock,
    log,
    createPolicy: createChosen,
    write: (entry) => journal?.append(entry),
  })
  if (config.dir !== undefined) {
    const path = join(config.dir, 'experiments.jsonl')
    const options = { path, ...journalLimits, head: () => experiments.head() }
    journal = await JsonLines.open(options, { disk, log }, (line) => experiments.restore(line))
    logs.push(journal)
  }
  startConfigured(config, experiments)
  const snapshotLog = await openSnapshotLog(config, deps)
  if (snapshotLog !== undefined) logs.push(snapshotLog)
  const lateness = new Lateness(deps.tickMs)
  const watchers = createWatchers(config, deps, { lateness, snapshotLog })
  const watch = new SwarmWatch({
    core: { statPeer: (id) => core().statPeer(id) },
    chooseArm: experiments.chooseArm,
    onEnded: (record) => experiments.record(record),
  })
  return {
    experiments,
    chooseArm: watch.chooseArm,
    watched: (policy) => watchedPolicy(policy, watchers),
    observe(event, decisionMs) {
      if (event.type === 'tick') lateness.tick(clock.monotonic())
      watch.observe(event, clock.now(), decisionMs === undefined ? undefined : decisionMs * 1_000)
    },
    shadowReport: () => watchers.shadow?.report(),
    async stop() {
      for (const each of logs) await each.close()
    },
  }
}

function startConfigured({ run }: ExperimentsConfig, experiments: Experiments): void {
  const known = experiments.status()
  const isBusy = known !== undefined && known.stoppedAt === undefined
  if (run === undefined || isBusy || known?.experiment.name === run.name) return
  experiments.start(run)
}

async function openSnapshotLog(
  { dir, snapshotShare }: ExperimentsConfig,
  { disk, log }: ExperimentsRunDeps,
): Promise<JsonLines | undefined> {
  if (dir === undefined || snapshotShare === 0) return undefined
  const path = join(dir, 'decisions.jsonl')
  return await JsonLines.open({ path, ...snapshotLimits }, { disk, log }, () => {})
}

function createWatchers(
  { shadow, snapshotShare }: ExperimentsConfig,
  { clock, random, log }: ExperimentsRunDeps,
  { lateness, snapshotLog }: { lateness: Lateness; snapshotLog: JsonLines | undefined },
): { shadow?: Shadow; snapshots?: Snapshots } {
  const isLate = (): boolean => lateness.isLate
  const trial = shadow && { candidate: createChosen(shadow.policy), share: shadow.share }
  return {
    ...(trial && { shadow: new Shadow(trial, { clock, random, isLate, log }) }),
    ...(snapshotLog && {
      snapshots: new Snapshots(
        { share: snapshotShare },
        { random, isLate, write: (snapshot) => snapshotLog.append(snapshot) },
      ),
    }),
  }
}
