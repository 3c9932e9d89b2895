import type { Clock, Log, PeerId } from '@damselfly/core'
import type { DigestsEffect, PeerEffect, ResolveEffect, SchedulerEffect } from './core/effects.ts'
import type { SchedulerEvent } from './core/events.ts'
import type { SchedulerCore } from './core/scheduler-core.ts'
import type { SchedulerMetrics } from './metrics.ts'
import { isDecision, observe } from './observe.ts'
import type { SeedTriggers } from './seed-triggers.ts'

export interface DriverDeps {
  core: SchedulerCore
  clock: Clock
  metrics: SchedulerMetrics
  seeds: SeedTriggers
  log: Log
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
  /** The current stream of each peer. */
  readonly peers = new Map<PeerId, EffectSink<PeerEffect>>()
  /** The ResolveTask streams by call id. */
  readonly calls = new Map<number, EffectSink<ResolveEffect>>()
  /** The PieceDigests streams by call id. */
  readonly digests = new Map<number, EffectSink<DigestsEffect>>()
  readonly #seeds: SeedTriggers
  #lastCallId = 0

  constructor(deps: DriverDeps) {
    this.core = deps.core
    this.metrics = deps.metrics
    this.log = deps.log
    this.clock = deps.clock
    this.#seeds = deps.seeds
  }

  apply(event: SchedulerEvent): void {
    const startedAt = this.clock.monotonic()
    const effects = this.core.apply(event, this.clock.now())
    if (effects.some(isDecision)) {
      this.metrics.scheduleDuration.observe(this.clock.monotonic() - startedAt)
    }
    observe(this.metrics, this.core, event, effects)
    for (const effect of effects) this.#perform(effect)
  }

  nextCallId(): number {
    this.#lastCallId += 1
    return this.#lastCallId
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
      default:
        this.peers.get(effect.peerId)?.deliver(effect)
    }
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
