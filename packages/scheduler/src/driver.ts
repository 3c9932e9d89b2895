import type { CancelTimer, Clock, HostId, Log, PeerId } from '@damselfly/core'
import type { DigestsEffect, PeerEffect, ResolveEffect, SchedulerEffect } from './core/effects.ts'
import type { SchedulerEvent } from './core/events.ts'
import type { SchedulerCore } from './core/scheduler-core.ts'
import type { RunningExperiments } from './experiments/start-experiments.ts'
import type { SchedulerMetrics } from './metrics.ts'
import { isDecision, observe } from './observe.ts'
import type { Replicas } from './replicas/start-replicas.ts'
import type { SeedTriggers } from './seed-triggers.ts'
import type { SwarmMetrics } from './swarm-metrics.ts'

export interface DriverDeps {
  core: SchedulerCore
  clock: Clock
  metrics: SchedulerMetrics
  swarmMetrics: SwarmMetrics
  seeds: SeedTriggers
  log: Log
  instance: string
  experiments: RunningExperiments
  /** Absent = this is the only scheduler that it knows of. */
  replicas?: Pick<Replicas, 'redirect'> | undefined
}

/** A stream that effects are written to. Must not wait and must not apply events. */
export interface EffectSink<E> {
  deliver(effect: E): void
}

/** Between the core and the world: events go in with the time, effects find their streams. */
export class Driver {
  readonly core: SchedulerCore
  readonly metrics: SchedulerMetrics
  readonly clock: Clock
  readonly log: Log
  /** Another one after each start. */
  readonly instance: string
  readonly experiments: RunningExperiments
  readonly replicas: Pick<Replicas, 'redirect'> | undefined
  /** The current stream of each peer. */
  readonly peers = new Map<PeerId, EffectSink<PeerEffect>>()
  /** The Follow stream of each host of ours: it hears how its peers are to exchange pieces. */
  readonly hosts = new Map<HostId, EffectSink<Extract<PeerEffect, { type: 'normal' }>>>()
  /** The ResolveTask streams by call id. */
  readonly calls = new Map<number, EffectSink<ResolveEffect>>()
  /** The PieceDigests streams by call id. */
  readonly digests = new Map<number, EffectSink<DigestsEffect>>()
  readonly #seeds: SeedTriggers
  readonly #swarmMetrics: SwarmMetrics
  #lastCallId = 0
  #cancelContinuing: CancelTimer | undefined

  constructor(deps: DriverDeps) {
    this.core = deps.core
    this.metrics = deps.metrics
    this.log = deps.log
    this.clock = deps.clock
    this.instance = deps.instance
    this.experiments = deps.experiments
    this.replicas = deps.replicas
    this.#seeds = deps.seeds
    this.#swarmMetrics = deps.swarmMetrics
  }

  apply(event: SchedulerEvent): void {
    const startedAt = this.clock.monotonic()
    const effects = this.core.apply(event, this.clock.now())
    const decisionMs = effects.some(isDecision) ? this.clock.monotonic() - startedAt : undefined
    if (decisionMs !== undefined) this.metrics.scheduleDuration.observe(decisionMs)
    observe(this.metrics, this.core, event, effects)
    this.#swarmMetrics.applied(event, effects, decisionMs)
    this.experiments.observe(event, decisionMs)
    for (const effect of effects) this.#perform(effect)
    if (this.core.hasBacklog) this.#continueSoon()
  }

  stop(): void {
    this.#cancelContinuing?.()
  }

  nextCallId(): number {
    this.#lastCallId += 1
    return this.#lastCallId
  }

  /** After whatever else has come meanwhile. */
  #continueSoon(): void {
    this.#cancelContinuing ??= this.clock.schedule(0, () => {
      this.#cancelContinuing = undefined
      this.apply({ type: 'continued' })
    })
  }

  #perform(effect: SchedulerEffect): void {
    if (isDecision(effect) && this.log.isLevelEnabled('debug')) {
      this.log.debug(logged(effect), 'scheduled')
    }
    switch (effect.type) {
      case 'triggerSeed':
        this.#seeds.start(effect, this.core.host(effect.hostId))
        break
      case 'cancelSeedTrigger':
        this.#seeds.cancel(effect.triggerId)
        break
      case 'resolveKnown':
      case 'resolveElected':
      case 'resolveFailed':
        this.calls.get(effect.callId)?.deliver(effect)
        break
      case 'digestsLearned':
        for (const callId of effect.callIds) this.digests.get(callId)?.deliver(effect)
        break
      case 'digestsContradicted':
        this.#logContradiction(effect)
        if (effect.callId !== undefined) this.digests.get(effect.callId)?.deliver(effect)
        break
      case 'digestsEnded':
        this.digests.get(effect.callId)?.deliver(effect)
        break
      case 'normal':
        this.#hostOf(effect.peerId)?.deliver(effect)
        this.peers.get(effect.peerId)?.deliver(effect)
        break
      default:
        this.peers.get(effect.peerId)?.deliver(effect)
    }
  }

  #hostOf(peerId: PeerId) {
    const hostId = this.core.hostOf(peerId)
    return hostId === undefined ? undefined : this.hosts.get(hostId)
  }

  /** Once for each host and task: whoever holds other content contradicts every piece of it. */
  #logContradiction(effect: Contradiction): void {
    const { taskId, hostId, numbers, fromOrigin, isFirst } = effect
    const data = { taskId, hostId, fromOrigin, pieces: numbers.slice(0, 16), count: numbers.length }
    const message = 'a host contradicts the digests of a task'
    if (isFirst) this.log.warn(data, message)
    else this.log.debug(data, message)
  }
}

type Contradiction = Extract<DigestsEffect, { type: 'digestsContradicted' }>

/** Without the request itself: it carries headers, and headers carry secrets. */
function logged(effect: SchedulerEffect): Record<string, unknown> {
  if (effect.type !== 'triggerSeed') return { ...effect }
  const { download: _, ...rest } = effect
  return rest
}
