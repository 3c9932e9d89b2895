/** `toTarget`: from who connected to the proxy; `fromTarget`: back to them. */
export type Direction = 'toTarget' | 'fromTarget'

/**
 * Which bytes are changed. Positions count the bytes of one direction of one connection from 0: `atByte` is changed
 * in every connection, `everyNth` changes the bytes n-1, 2n-1, and so on.
 */
export type Corruption = {
  direction: Direction
  /** What the byte is XORed with. Default 0xff. */
  xor?: number
  /** How many bytes are changed in all, over all connections. Default: no limit. */
  times?: number
} & ({ atByte: number } | { everyNth: number })

interface ActiveCorruption {
  corruption: Corruption
  left: number
}

/** Throttled bytes go in slices of this duration. */
const SLICE_MS = 20

/** The settings that all connections of a proxy share; connections look at them before each delivery. */
export class LinkControls {
  readonly queueBytes: number
  readonly totals: Record<Direction, number> = { toTarget: 0, fromTarget: 0 }
  delayMs = 0
  isBlackHole = false
  isRefusing = false
  /** Changes with each throttle, so that slots reserved under another one are void. */
  throttleSetting = 0
  /** Changes with each `cutAfter`. */
  cutSetting = 0
  #cutAfter: { bytes: number; direction: Direction } | undefined
  #bytesPerSec = Number.POSITIVE_INFINITY
  readonly #freeAt: Record<Direction, number> = { toTarget: 0, fromTarget: 0 }
  readonly #corruptions = new Map<Direction, ActiveCorruption>()

  constructor(queueBytes: number) {
    this.queueBytes = queueBytes
  }

  throttle(bytesPerSec: number | undefined): void {
    this.#bytesPerSec = bytesPerSec ?? Number.POSITIVE_INFINITY
    this.throttleSetting += 1
    this.#freeAt.toTarget = 0
    this.#freeAt.fromTarget = 0
  }

  cutAfter(bytes: number | undefined, direction: Direction): void {
    this.#cutAfter = bytes === undefined ? undefined : { bytes, direction }
    this.cutSetting += 1
  }

  cutAfterBytes(direction: Direction): number {
    return this.#cutAfter?.direction === direction ? this.#cutAfter.bytes : Number.POSITIVE_INFINITY
  }

  /**
   * Reserves the next slot of the throttled direction. Connections get their slots in the order of asking, so they
   * share the rate fairly; a little unused time may be caught up, because timers are late.
   */
  reserve(
    direction: Direction,
    available: number,
    now: number,
  ): { bytes: number; dueAt: number; setting: number } {
    const setting = this.throttleSetting
    if (this.#bytesPerSec === Number.POSITIVE_INFINITY)
      return { bytes: available, dueAt: 0, setting }
    const bytes = Math.min(
      available,
      Math.max(1, Math.floor((this.#bytesPerSec * SLICE_MS) / 1000)),
    )
    const dueAt = Math.max(this.#freeAt[direction], now - SLICE_MS)
    this.#freeAt[direction] = dueAt + (bytes / this.#bytesPerSec) * 1000
    return { bytes, dueAt, setting }
  }

  corrupt(corruption: Corruption | undefined): void {
    if (corruption === undefined) this.#corruptions.clear()
    else {
      const left = corruption.times ?? Number.POSITIVE_INFINITY
      this.#corruptions.set(corruption.direction, { corruption, left })
    }
  }

  /** Changes, in place, the bytes of a piece that begins at `position`. */
  flip(direction: Direction, bytes: Uint8Array, position: number): void {
    const active = this.#corruptions.get(direction)
    if (active === undefined) return
    const { corruption } = active
    const step = 'everyNth' in corruption ? corruption.everyNth : Number.POSITIVE_INFINITY
    const first =
      'everyNth' in corruption ? step - 1 - (position % step) : corruption.atByte - position
    if (first < 0) return
    for (let at = first; at < bytes.byteLength && active.left > 0; at += step) {
      bytes[at] = (bytes[at] ?? 0) ^ (corruption.xor ?? 0xff)
      active.left -= 1
    }
  }
}
