import type { Clock, Log, PeerId } from '@damselfly/core'
import type { PeerEffect, ResolveEffect, SchedulerEffect } from './core/effects.ts'
import type { SchedulerEvent } from './core/events.ts'
import type { SchedulerCore } from './core/scheduler-core.ts'
import type { SchedulerMetrics } from './metrics.ts'
import { observe } from './observe.ts'
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
  readonly log: Log
  /** The current stream of each peer. */
  readonly peers = new Map<PeerId, EffectSink<PeerEffect>>()
  /** The ResolveTask streams by call id. */
  readonly calls = new Map<number, EffectSink<ResolveEffect>>()
  readonly #clock: Clock
  readonly #seeds: SeedTriggers
  #lastCallId = 0

  constructor(deps: DriverDeps) {
    this.core = deps.core
    this.metrics = deps.metrics
    this.log = deps.log
    this.#clock = deps.clock
    this.#seeds = deps.seeds
  }

  apply(event: SchedulerEvent): void {
    const startedAt = this.#clock.monotonic()
    const effects = this.core.apply(event, this.#clock.now())
    if (effects.length > 0) {
      this.metrics.scheduleDuration.observe(this.#clock.monotonic() - startedAt)
    }
    observe(this.metrics, this.core, event, effects)
    for (const effect of effects) this.#perform(effect)
  }

  nextCallId(): number {
    this.#lastCallId += 1
    return this.#lastCallId
  }

  #perform(effect: SchedulerEffect): void {
    if (this.log.isLevelEnabled('debug')) this.log.debug(logged(effect), 'scheduled')
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
      default:
        this.peers.get(effect.peerId)?.deliver(effect)
    }
  }
}

/** Without the request itself: it carries headers, and headers carry secrets. */
function logged(effect: SchedulerEffect): Record<string, unknown> {
  if (effect.type !== 'triggerSeed') return { ...effect }
  const { download: _, ...rest } = effect
  return rest
}
