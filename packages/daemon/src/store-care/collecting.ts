import { type Clock, type Log, Semaphore } from '@damselfly/core'
import {
  Collector,
  type GcPolicy,
  type GcReport,
  type GcRun,
  type GcStore,
  type GcVictim,
  type RoomOptions,
} from '@damselfly/storage/gc'
import type { StoreCareMetrics } from './metrics.ts'

export interface CollectingDeps {
  readonly store: GcStore
  readonly clock: Clock
  readonly log: Log
  readonly metrics: StoreCareMetrics
  /** Told of each deletion, whoever it was for. */
  readonly onDeleted: (victim: GcVictim) => void
}

/** Garbage collection that can say what one run deleted, whatever others delete meanwhile. */
export class Collecting {
  readonly #deps: CollectingDeps
  readonly #policy: GcPolicy
  /** Regular runs follow one another; room is made beside them. */
  readonly #turn = new Semaphore(1)
  readonly #rooms: Collector

  constructor(policy: GcPolicy, deps: CollectingDeps) {
    this.#policy = policy
    this.#deps = deps
    this.#rooms = this.#collector()
  }

  /** See `Collector.run`; `onDeleted` hears of what this run deletes and of nothing else. */
  async run(signal: AbortSignal, onDeleted?: (victim: GcVictim) => void): Promise<GcRun> {
    const release = await this.#turn.acquire(signal)
    try {
      return await this.#collector(onDeleted).run(signal)
    } finally {
      release()
    }
  }

  dryRun(options: { maxRows?: number; signal: AbortSignal }): Promise<GcReport> {
    return this.#rooms.dryRun(options)
  }

  makeRoom(bytes: number, options: RoomOptions): Promise<boolean> {
    return this.#rooms.makeRoom(bytes, options)
  }

  #collector(told?: (victim: GcVictim) => void): Collector {
    const { metrics, onDeleted, ...deps } = this.#deps
    return new Collector(this.#policy, {
      ...deps,
      onDeleted: (victim) => {
        metrics.deleted(victim)
        onDeleted(victim)
        told?.(victim)
      },
      onRun: metrics.ran,
    })
  }
}
