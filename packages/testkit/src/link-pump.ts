import type { Socket } from 'node:net'
import type { Direction, LinkControls } from './link-controls.ts'

/** Node fires timers beyond 2^31 ms at once. */
const MAX_TIMER_MS = 3_600_000

interface Arrival {
  /** Empty for the end of the stream. */
  bytes: Buffer
  arrivedAt: number
  isEnd: boolean
}

export interface LinkPumpOptions {
  direction: Direction
  from: Socket
  to: Socket
  controls: LinkControls
  /** Called when `cutAfter` has been reached and the bytes before it were sent. */
  onCut: () => void
}

/**
 * Carries one direction of a connection. Whatever arrives waits in a bounded queue; `advance` delivers as much as
 * delay, throttle, black hole and the receiver allow, and is called again whenever one of them may have changed.
 * Each byte is delivered in order, the end of the stream after the last one.
 */
export class LinkPump {
  readonly #options: LinkPumpOptions
  readonly #queue: Arrival[] = []
  #queuedBytes = 0
  /** Bytes of this direction that were delivered. */
  #position = 0
  #cutBaseline = 0
  #cutSetting = 0
  #slot: { bytes: number; dueAt: number; setting: number } | undefined
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(options: LinkPumpOptions) {
    this.#options = options
    this.#cutSetting = options.controls.cutSetting
    const { from, to } = options
    from.on('data', (bytes) => this.#push({ bytes, arrivedAt: performance.now(), isEnd: false }))
    from.on('end', () =>
      this.#push({ bytes: Buffer.alloc(0), arrivedAt: performance.now(), isEnd: true }),
    )
    to.on('drain', () => this.advance())
  }

  /** Delivers what may be delivered now and plans the rest. */
  advance(): void {
    clearTimeout(this.#timer)
    const { controls, to } = this.#options
    while (!this.#isOver && !controls.isBlackHole && !to.writableNeedDrain) {
      const next = this.#queue[0]
      if (next === undefined) return
      const now = performance.now()
      const dueAt = next.isEnd ? 0 : this.#slotFor(next.bytes.byteLength, now).dueAt
      const waitMs = Math.max(next.arrivedAt + controls.delayMs, dueAt) - now
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.advance(), Math.min(Math.ceil(waitMs), MAX_TIMER_MS))
        return
      }
      if (next.isEnd) this.#end()
      else this.#deliver(next)
    }
  }

  /** Delivers nothing more. */
  abandon(): void {
    this.#isOver = true
    this.#queue.length = 0
    clearTimeout(this.#timer)
  }

  #push(arrival: Arrival): void {
    if (this.#isOver) return
    this.#queue.push(arrival)
    this.#queuedBytes += arrival.bytes.byteLength
    if (this.#queuedBytes >= this.#options.controls.queueBytes) this.#options.from.pause()
    this.advance()
  }

  /** When how many of the next bytes may go; a slot stays reserved until it is used or the throttle changes. */
  #slotFor(available: number, now: number): { bytes: number; dueAt: number } {
    const { controls, direction } = this.#options
    if (this.#slot?.setting !== controls.throttleSetting)
      this.#slot = controls.reserve(direction, available, now)
    return this.#slot
  }

  #deliver(next: Arrival): void {
    const { controls, direction, to } = this.#options
    const untilCut = this.#bytesUntilCut()
    const count = Math.min(next.bytes.byteLength, this.#slot?.bytes ?? 0, untilCut)
    const bytes = next.bytes.subarray(0, count)
    controls.flip(direction, bytes, this.#position)
    this.#slot = undefined
    this.#position += count
    controls.totals[direction] += count
    this.#drop(next, count)
    if (count < untilCut) {
      to.write(bytes)
      return
    }
    this.abandon()
    to.write(bytes, () => this.#options.onCut())
  }

  /** `cutAfter` counts from the moment it was set, or from the first byte of a later connection. */
  #bytesUntilCut(): number {
    const { controls } = this.#options
    if (this.#cutSetting !== controls.cutSetting) {
      this.#cutSetting = controls.cutSetting
      this.#cutBaseline = this.#position
    }
    return controls.cutAfterBytes(this.#options.direction) - (this.#position - this.#cutBaseline)
  }

  #drop(next: Arrival, count: number): void {
    next.bytes = next.bytes.subarray(count)
    if (next.bytes.byteLength === 0) this.#queue.shift()
    this.#queuedBytes -= count
    const { from, controls } = this.#options
    if (from.isPaused() && this.#queuedBytes <= controls.queueBytes / 2) from.resume()
  }

  #end(): void {
    this.abandon()
    this.#options.to.end()
  }
}
