import type { Slot } from './messages.ts'
import { enlarged } from './piece-map.ts'

/** Weight of the newest piece in a neighbour's rate. */
const newest = 0.2
/** How far one observation moves the median, as a part of it. */
const medianStep = 0.1
const enoughPieces = 3
const enoughOfNeighbour = 2
const slowShare = 0.3

/**
 * How long pieces take and who is slow. Near and far are compared with their own kind only: what crosses a crowded core is slow
 * without its sender's fault. The usual time is a median, moved a step by each piece, so that one straggler does not count.
 */
export class Pace {
  /** Milliseconds per full piece: far, near. */
  readonly #usualMs = [0, 0]
  readonly #seen = [0, 0]
  /** Bytes per millisecond of each neighbour. */
  #rate = new Float64Array(16)
  #pieces = new Uint8Array(16)

  /** A neighbour of that number has been met. */
  forget(slot: Slot): void {
    if (slot >= this.#rate.length) {
      this.#rate = enlarged(this.#rate, slot * 2)
      this.#pieces = enlarged(this.#pieces, slot * 2)
    }
    this.#rate[slot] = 0
    this.#pieces[slot] = 0
  }

  /** A piece of so many bytes took so long; `fullBytes` is the length of a full piece. */
  observe(
    slot: Slot,
    isNear: boolean,
    piece: { bytes: number; fullBytes: number; ms: number },
  ): void {
    const ms = Math.max(0.01, piece.ms)
    const rate = piece.bytes / ms
    const pieces = this.#pieces[slot] ?? 0
    const before = this.#rate[slot] ?? 0
    this.#rate[slot] = pieces === 0 ? rate : before + newest * (rate - before)
    this.#pieces[slot] = Math.min(255, pieces + 1)
    const kind = isNear ? 1 : 0
    const fullMs = piece.fullBytes / rate
    const usual = this.#usualMs[kind] ?? 0
    const step = fullMs > usual ? 1 + medianStep : 1 - medianStep
    this.#usualMs[kind] = usual === 0 ? fullMs : usual * step
    this.#seen[kind] = (this.#seen[kind] ?? 0) + 1
  }

  /** Milliseconds that a full piece usually takes; `undefined` while too few have been seen. */
  usualMs(isNear: boolean): number | undefined {
    const kind = isNear ? 1 : 0
    return (this.#seen[kind] ?? 0) < enoughPieces ? undefined : this.#usualMs[kind]
  }

  /** Bytes per second, 0 when nothing came from there yet. */
  rateOf(slot: Slot): number {
    return (this.#rate[slot] ?? 0) * 1_000
  }

  isSlow(slot: Slot, isNear: boolean, fullBytes: number): boolean {
    const usual = this.usualMs(isNear)
    if (usual === undefined || (this.#pieces[slot] ?? 0) < enoughOfNeighbour) return false
    return (this.#rate[slot] ?? 0) < (slowShare * fullBytes) / usual
  }
}
