import type { Clock } from '@damselfly/core'

/** More only fill memory: libuv has four threads for them. */
const maxUnderWay = 6
/** So many bytes, written while the queue was full, show how fast the disk is; fewer may have met a moment's stall. */
const judgedBytes = 256 * 1024 ** 2
/** A copy into the page cache costs less than a disk that is slower than this: 512 MiB/s. */
const slowBytesPerMs = (512 * 1024 ** 2) / 1_000
/** A disk found slow is tried again after so many bytes. */
const sparedBytes = 1024 ** 3

/** The direct writes that one thread has under way, and whether its disk keeps up with them. */
export class WriteQueue {
  readonly #clock: Pick<Clock, 'monotonic'>
  #underWay = 0
  #room: PromiseWithResolvers<void> | undefined
  #fullSince = 0
  /** What was written while the queue was full, and how long that took. */
  #full = { bytes: 0, ms: 0 }
  #spared = 0

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /** Set while the queue is full; resolves when there is room again. Whoever writes more should wait for it. */
  get room(): Promise<void> | undefined {
    return this.#room?.promise
  }

  began(): void {
    this.#underWay += 1
    if (this.#underWay < maxUnderWay || this.#room !== undefined) return
    this.#room = Promise.withResolvers()
    this.#fullSince = this.#clock.monotonic()
  }

  ended(bytes: number): void {
    this.#underWay -= 1
    if (this.#room === undefined) return
    const now = this.#clock.monotonic()
    this.#full.bytes += bytes
    this.#full.ms += now - this.#fullSince
    this.#fullSince = now
    if (this.#underWay >= maxUnderWay) return
    this.#room.resolve()
    this.#room = undefined
  }

  /** Whether so many more bytes had better be written directly, which they are supposed to be then. */
  keepsUp(bytes: number): boolean {
    if (this.#spared > 0) {
      this.#spared -= bytes
      return false
    }
    const { bytes: written, ms } = this.#full
    if (written < judgedBytes) return true
    this.#full = { bytes: 0, ms: 0 }
    if (written >= ms * slowBytesPerMs) return true
    this.#spared = sparedBytes - bytes
    return false
  }
}
