import { type FollowingDeps, SchedulerFollowing } from './scheduler-following.ts'
import type { SchedulerLink, SchedulerPool } from './scheduler-pool.ts'

/** The Follow streams of this host, one for each of its schedulers. */
export class Followings {
  readonly #pool: Pick<SchedulerPool, 'all'>
  readonly #deps: FollowingDeps
  readonly #running = new Map<SchedulerLink, Running>()
  #isStopped = false

  constructor(pool: Pick<SchedulerPool, 'all'>, deps: FollowingDeps) {
    this.#pool = pool
    this.#deps = deps
  }

  /** Follows all schedulers that there are, and no others. */
  sync(): void {
    if (this.#isStopped) return
    const links = this.#pool.all()
    for (const [link, { controller }] of this.#running) {
      if (links.includes(link)) continue
      controller.abort()
      this.#running.delete(link)
    }
    for (const link of links) this.of(link)
  }

  /** The stream to this scheduler, opened when there is none. */
  of(link: SchedulerLink): SchedulerFollowing {
    const known = this.#running.get(link)
    if (known !== undefined) return known.following
    const following = new SchedulerFollowing(link, this.#deps)
    const controller = new AbortController()
    if (this.#isStopped) controller.abort()
    const done = following.run(controller.signal)
    this.#running.set(link, { following, controller, done })
    return following
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    for (const { controller } of this.#running.values()) controller.abort()
    await Promise.all([...this.#running.values()].map(({ done }) => done))
  }
}

interface Running {
  readonly following: SchedulerFollowing
  readonly controller: AbortController
  readonly done: Promise<void>
}
