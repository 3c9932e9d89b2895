import type { TaskId } from '@damselfly/core'

const maxRemembered = 100_000

/** Under which id the schedulers know this host's download of a task: the last one that registered, or one made up for it. */
export class PeerIds {
  readonly #make: () => string
  readonly #ids = new Map<TaskId, string>()

  constructor(make: () => string) {
    this.#make = make
  }

  of(taskId: TaskId): string {
    const known = this.#ids.get(taskId)
    if (known !== undefined) return known
    const made = this.#make()
    this.registered(taskId, made)
    return made
  }

  registered(taskId: TaskId, peerId: string): void {
    this.#ids.delete(taskId)
    this.#ids.set(taskId, peerId)
    if (this.#ids.size <= maxRemembered) return
    const [oldest] = this.#ids.keys()
    if (oldest !== undefined) this.#ids.delete(oldest)
  }
}
