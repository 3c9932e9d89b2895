import type { Clock } from '@damselfly/core'
import type { SchedulerLink } from '../announce/scheduler-pool.ts'

/** A scheduler that breaks off again so soon is not tried again before the others. */
const steadyMs = 5_000

/**
 * Which of a task's schedulers a download turns to. One that has given orders is tried once more when its stream breaks: the swarm
 * is there, and a broken connection says little of the scheduler. With another one this download would be alone.
 */
export class SchedulerChoice {
  readonly #links: readonly SchedulerLink[]
  readonly #clock: Clock
  #untried: SchedulerLink[] = []
  /** It has given an order since it was lost last. */
  #proven: SchedulerLink | undefined
  #retriedAt = Number.NEGATIVE_INFINITY

  /** `links`: best first. */
  constructor(links: readonly SchedulerLink[], clock: Clock) {
    this.#links = links
    this.#clock = clock
  }

  /** All are to be tried. One that failed a moment ago, perhaps for another download, is not waited for again. */
  begin(): void {
    this.#untried = this.#links.filter((link) => !link.isUnavailable)
  }

  /** `undefined` when all have been tried. */
  next(): SchedulerLink | undefined {
    return this.#untried.shift()
  }

  hasAnswered(link: SchedulerLink): void {
    this.#proven = link
  }

  /** Its stream broke, or it leaves a question unanswered (`isSilent`). */
  lost(link: SchedulerLink, isSilent: boolean): void {
    const now = this.#clock.monotonic()
    const isProven = this.#proven === link
    this.#proven = undefined
    if (isProven && !isSilent && now - this.#retriedAt >= steadyMs) {
      this.#retriedAt = now
      this.#untried.unshift(link)
    } else link.markUnavailable()
  }
}
