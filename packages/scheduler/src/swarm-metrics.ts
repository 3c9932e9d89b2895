import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { TaskId } from '@damselfly/core'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { SchedulerEffect } from './core/effects.ts'
import type { PeerReported, SchedulerEvent } from './core/events.ts'
import { peerStates } from './core/peer-state.ts'
import type { SchedulerCore } from './core/scheduler-core.ts'
import type { SwarmArm } from './core/swarm-arm.ts'
import { conditionOfSwarms } from './core/swarm-condition.ts'
import type { SwarmRecord } from './experiments/swarm-record.ts'
import { SwarmWatch } from './experiments/swarm-watch.ts'
import { isDecision } from './observe.ts'

/** Swarms of fewer downloads say nothing about how well one works. */
const MIN_PEERS = 2
const NO_ARM = 'none'

const decisionBuckets = [1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 5e-3, 2e-2, 0.1]
const waitBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60]
const ratioBuckets = [1, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.6, 2, 3, 5, 10, 30, 100]

/** How well the scheduler schedules, under names of our own (docs/scheduling.md). */
export class SwarmMetrics {
  readonly #core: SchedulerCore
  readonly #decisions
  readonly #decisionSeconds
  readonly #assignWait
  readonly #refreshes
  readonly #noParent
  readonly #reports
  readonly #bytes
  readonly #makespan
  readonly #mean
  readonly #originAmplification
  readonly #seedAmplification
  readonly #demotions
  readonly #watch: SwarmWatch
  #born: SwarmArm = { name: NO_ARM, client: {} }

  constructor(registry: Registry, core: SchedulerCore) {
    this.#core = core
    this.#watch = new SwarmWatch({
      core,
      chooseArm: () => this.#born,
      onEnded: (record) => this.#ended(record),
    })
    const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Counter({ name, help, labelNames: [...labelNames], registers: [registry] })
    const histogram = <L extends string>(
      name: string,
      help: string,
      options: { buckets: number[]; labelNames?: L[] },
    ) => new Histogram({ name, help, labelNames: [], ...options, registers: [registry] })
    this.#decisions = counter('sched_decisions_total', 'What peers and seeds were told.', [
      'policy',
      'arm',
      'result',
    ])
    this.#decisionSeconds = histogram(
      'sched_decision_seconds',
      'How long it took to apply an event that led to answers.',
      { buckets: decisionBuckets },
    )
    this.#assignWait = histogram(
      'sched_assign_wait_seconds',
      'How long peers waited from the question to its answer.',
      { buckets: waitBuckets },
    )
    this.#refreshes = counter('sched_refresh_total', 'Questions for other parents.', ['reason'])
    this.#noParent = counter(
      'sched_no_parent_total',
      'Questions for other parents when there were none.',
    )
    this.#reports = counter('sched_reports_total', 'Reports of peers of our own daemons.')
    this.#demotions = counter(
      'sched_policy_demotions_total',
      'Policies that were replaced by the default one because they failed or were too slow.',
      ['policy'],
    )
    this.#bytes = counter('swarm_bytes_total', 'Bytes downloaded, as reported.', ['class'])
    const ofSwarm = (name: string, help: string) =>
      histogram(name, help, { buckets: ratioBuckets, labelNames: ['arm'] })
    this.#makespan = ofSwarm('swarm_makespan_over_bound', 'Last end, over the fluid bound.')
    this.#mean = ofSwarm('swarm_mean_over_bound', 'Mean completion, over the fluid bound.')
    this.#originAmplification = ofSwarm(
      'swarm_origin_amplification',
      'Bytes from the origin over the length of the content.',
    )
    this.#seedAmplification = ofSwarm(
      'swarm_seed_amplification',
      'Bytes from seeds over the length of the content.',
    )
    addGauges(registry, core)
  }

  /** A swarm is born: it is followed to its end. */
  born(taskId: TaskId, bornAt: number, arm: SwarmArm | undefined): void {
    this.#born = { name: arm?.name ?? NO_ARM, client: {} }
    this.#watch.chooseArm(taskId, bornAt)
  }

  /** After an event has been applied; `ms`: what that took, when peers or seeds were told something. */
  applied(event: SchedulerEvent, effects: readonly SchedulerEffect[], ms?: number): void {
    const { state } = this.#core
    let isAnswered = false
    for (const effect of effects) {
      if (!isDecision(effect)) continue
      isAnswered ||= effect.type === 'normal'
      this.#decisions.inc({ ...this.#labelsOf(effect), result: effect.type })
    }
    if (ms !== undefined) this.#decisionSeconds.observe(ms / 1000)
    for (const waited of state.waitedMs) this.#assignWait.observe(waited / 1000)
    if (event.type === 'peerReported') this.#reported(event)
    else if (event.type === 'parentsAsked') {
      this.#refreshes.inc({ reason: event.reason })
      if (!isAnswered) this.#noParent.inc()
    }
    this.#watch.observe(event, state.now)
  }

  #ended({ arm, peers, bornAt, endedAt, contentLength, ...record }: SwarmRecord): void {
    const { boundSeconds, meanSeconds, bytes } = record
    if (peers < MIN_PEERS || contentLength === 0) return
    if (boundSeconds > 0 && Number.isFinite(boundSeconds)) {
      this.#makespan.observe({ arm }, (endedAt - bornAt) / 1000 / boundSeconds)
      if (Number.isFinite(meanSeconds)) this.#mean.observe({ arm }, meanSeconds / boundSeconds)
    }
    if (bytes === undefined) return
    this.#originAmplification.observe({ arm }, bytes.origin / contentLength)
    this.#seedAmplification.observe({ arm }, bytes.seed / contentLength)
  }

  demoted(policy: string): void {
    this.#demotions.inc({ policy })
  }

  #reported({ bytes }: PeerReported): void {
    this.#reports.inc()
    for (const kind of ['origin', 'seed', 'near', 'far'] as const) {
      if (bytes[kind] > 0) this.#bytes.inc({ class: kind }, bytes[kind])
    }
  }

  #labelsOf(effect: SchedulerEffect): { policy: string; arm: string } {
    const { state } = this.#core
    const task = 'peerId' in effect ? state.peers.get(effect.peerId)?.task : undefined
    const { arm } = task ?? {}
    return { policy: (arm?.policy ?? state.policy).name, arm: arm?.name ?? NO_ARM }
  }
}

function addGauges(registry: Registry, core: SchedulerCore): void {
  const { state } = core
  const gauge = <L extends string>(
    options: { name: string; help: string; labelNames?: L[] },
    read: () => Iterable<readonly [Partial<Record<L, string>>, number]>,
  ) =>
    new Gauge<L>({
      ...options,
      registers: [registry],
      collect() {
        this.reset()
        for (const [labels, value] of read()) this.set(labels, value)
      },
    })
  gauge({ name: 'sched_tasks', help: 'Swarms known.' }, () => [[{}, state.tasks.size]])
  gauge({ name: 'sched_hosts', help: 'Hosts known.', labelNames: ['kind'] }, () => [
    [{ kind: 'seed' }, state.seedHosts.size],
    [{ kind: 'peer' }, state.hosts.size - state.seedHosts.size],
  ])
  gauge({ name: 'sched_peers', help: 'Peers known.', labelNames: ['state'] }, () => {
    const counts = new Map<string, number>(peerStates.map((name) => [name, 0]))
    for (const peer of state.peers.values()) {
      counts.set(peer.state, (counts.get(peer.state) ?? 0) + 1)
    }
    return [...counts].map(([name, count]) => [{ state: name }, count] as const)
  })
  const leases = { name: 'sched_origin_leases', help: 'Rights to go to the origin.' }
  gauge({ ...leases, labelNames: ['state'] }, () => {
    let all = 0
    for (const task of state.tasks.values()) all += task.leases.size
    return [
      [{ state: 'granted' }, state.unstarted.size],
      [{ state: 'started' }, all - state.unstarted.size],
    ]
  })
  const copies = 'Peers that hold the rarest piece of the swarms that download, at least.'
  gauge({ name: 'swarm_piece_min_copies', help: copies }, () => {
    const found = conditionOfSwarms(state)
    return found === undefined ? [] : [[{}, found.minCopies]]
  })
  const useful = 'Share of links whose parent has something for its child, in the worst swarm.'
  gauge({ name: 'swarm_useful_parent_ratio', help: useful }, () => {
    const found = conditionOfSwarms(state)
    return found === undefined ? [] : [[{}, found.usefulParentRatio]]
  })
  let delay: IntervalHistogram | undefined
  const lag = { name: 'sched_loop_lag_seconds', help: 'By which percentile the loop was late.' }
  gauge({ ...lag, labelNames: ['quantile'] }, () => {
    // From the first scrape on, and then from each to the next.
    if (delay === undefined) {
      delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS })
      delay.enable()
      return []
    }
    const late = (percentile: number) =>
      Math.max(0, ((delay?.percentile(percentile) ?? 0) / 1e6 - LAG_RESOLUTION_MS) / 1000)
    const found = [
      [{ quantile: '0.5' }, late(50)],
      [{ quantile: '0.99' }, late(99)],
    ] as const
    delay.reset()
    return found
  })
}

/** The timer that measures comes after so long anyway. */
const LAG_RESOLUTION_MS = 10
