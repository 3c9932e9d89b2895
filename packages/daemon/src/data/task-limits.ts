import type { Clock } from '@damselfly/core'
import { RateLimit } from '@damselfly/transport'

const maxTasks = 4_096

/** A rate limit for each task that is being sent; the one used longest ago is forgotten. */
export class TaskLimits {
  readonly #bytesPerSec: number | undefined
  readonly #clock: Clock
  readonly #limits = new Map<string, RateLimit>()

  constructor(bytesPerSec: number | undefined, clock: Clock) {
    this.#bytesPerSec = bytesPerSec
    this.#clock = clock
  }

  of(taskId: string): readonly RateLimit[] {
    if (this.#bytesPerSec === undefined) return []
    const limit =
      this.#limits.get(taskId) ?? new RateLimit(this.#bytesPerSec, { clock: this.#clock })
    this.#limits.delete(taskId)
    this.#limits.set(taskId, limit)
    const [oldest] = this.#limits.keys()
    if (this.#limits.size > maxTasks && oldest !== undefined) this.#limits.delete(oldest)
    return [limit]
  }
}
