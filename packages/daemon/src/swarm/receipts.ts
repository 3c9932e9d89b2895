/** Bytes that came, by where they came from. */
export interface ReceivedBytes {
  readonly origin: number
  readonly seed: number
  readonly near: number
  readonly far: number
}

export interface Received {
  readonly bytes: ReceivedBytes
  /** Bytes per second, of about the last second. */
  readonly rate: number
}

const halfLifeMs = 500

/** Counts what came from whom, and how fast. */
export class Receipts {
  #bytes = { origin: 0, seed: 0, near: 0, far: 0 }
  #rate = 0
  #sinceLook = 0
  #lookedAt: number | undefined

  add(kind: keyof ReceivedBytes, bytes: number): void {
    this.#bytes[kind] += bytes
    this.#sinceLook += bytes
  }

  /** Bytes per second; older ones count less. To be asked regularly. */
  rate(now: number): number {
    const ms = now - (this.#lookedAt ?? now)
    this.#lookedAt ??= now
    if (ms <= 0) return this.#rate
    const kept = 0.5 ** (ms / halfLifeMs)
    this.#rate = kept * this.#rate + (1 - kept) * ((this.#sinceLook / ms) * 1_000)
    this.#sinceLook = 0
    this.#lookedAt = now
    return this.#rate
  }

  /** What came since the last call. */
  take(): Received {
    const bytes = this.#bytes
    this.#bytes = { origin: 0, seed: 0, near: 0, far: 0 }
    return { bytes, rate: this.#rate }
  }
}
