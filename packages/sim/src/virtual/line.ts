import type { VirtualSocket } from './virtual-socket.ts'

/** What travels: bytes, the end of them (FIN), the end of the connection as a whole, or that it never was (RST). */
export type Parcel = Uint8Array | 'end' | 'close' | 'reset'

/** Bytes that may be on their way or unread before the sender has to wait, as the kernel's buffers allow. */
const windowBytes = 256 * 1024

/** The road of a line: says when a parcel arrives, and what becomes of it on the way. */
export interface Road {
  /** Calls `arrive` for each parcel in their order, in its own time or never. */
  carry(line: Line, parcel: Parcel): void
}

/** One direction of a connection: everything arrives in order. A full window makes the sender wait. */
export class Line {
  readonly from: VirtualSocket
  readonly to: VirtualSocket
  /** Pieces travel on it, not calls. */
  readonly isData: boolean
  readonly #road: Road
  #open = 0
  #waiting: (() => void)[] = []
  /** When the last parcel arrives. */
  lastDueMs = 0
  /** Parcels that are held up, the oldest first. */
  readonly held: Parcel[] = []

  constructor(ends: { from: VirtualSocket; to: VirtualSocket; isData: boolean }, road: Road) {
    this.from = ends.from
    this.to = ends.to
    this.isData = ends.isData
    this.#road = road
  }

  /** `taken` is called when the kernel would have taken the bytes. */
  send(parcel: Parcel, taken: () => void = () => {}): void {
    if (typeof parcel !== 'string') this.#open += parcel.byteLength
    this.#road.carry(this, parcel)
    if (this.#open <= windowBytes) taken()
    else this.#waiting.push(taken)
  }

  /** The receiver has read so many bytes. */
  release(bytes: number): void {
    this.#open -= bytes
    if (this.#open > windowBytes || this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const taken of waiting) taken()
  }
}
