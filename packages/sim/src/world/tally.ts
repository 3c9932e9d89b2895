import type { Population } from './population.ts'

/** Where bytes came from, as the receiver counts them. */
export const byteClasses = ['origin', 'seed', 'near', 'far'] as const
export type ByteClass = (typeof byteClasses)[number]

/** What counts about a run. All per peer, without seeds, unless it says otherwise. */
export interface RunOutcome {
  readonly boundMs: number
  /** From arrival to the last piece, milliseconds, ascending; those who died before are not in it. */
  readonly durations: Float64Array
  /** From arrival until the first tenth was there without a gap, ascending. */
  readonly firstTenths: Float64Array
  /** When each finished, ascending, milliseconds since the start. */
  readonly finishes: Float64Array
  /** Peers that neither finished nor died. */
  readonly unfinished: number
  /** Bytes that arrived, seeds included. */
  readonly bytes: Readonly<Record<ByteClass, number>>
  /** Bytes between racks, of those that came from peers and seeds. */
  readonly crossRackBytes: number
}

/** Counts during a run. */
export class Tally {
  readonly #population: Population
  readonly #tenth: number
  readonly #pieceCount: number
  readonly #prefix: Int32Array
  readonly #tenthAt: Float64Array
  readonly #finishedAt: Float64Array
  readonly #bytes: Record<ByteClass, number> = { origin: 0, seed: 0, near: 0, far: 0 }
  #crossRackBytes = 0
  #open: number

  constructor(population: Population, pieceCount: number) {
    const size = population.hosts.length
    this.#population = population
    this.#pieceCount = pieceCount
    this.#tenth = Math.ceil(pieceCount / 10)
    this.#prefix = new Int32Array(size)
    this.#tenthAt = new Float64Array(size).fill(Number.NaN)
    this.#finishedAt = new Float64Array(size).fill(Number.NaN)
    this.#open = size - population.firstPeer
  }

  /** Peers that have neither finished nor died. */
  get open(): number {
    return this.#open
  }

  isFinished(host: number): boolean {
    return !Number.isNaN(this.#finishedAt[host])
  }

  /** Bytes moved to `host`, also when the piece was given up half-way. */
  moved(from: number, to: number, bytes: number): void {
    const { hosts } = this.#population
    const sender = hosts[from]
    const isCrossing = sender?.rack !== hosts[to]?.rack
    if (sender?.kind === 'origin') this.#bytes.origin += bytes
    else {
      if (sender?.kind === 'seed') this.#bytes.seed += bytes
      else if (isCrossing) this.#bytes.far += bytes
      else this.#bytes.near += bytes
      if (isCrossing) this.#crossRackBytes += bytes
    }
  }

  /** `has` tells of any piece whether the host holds it; `held` is how many it holds. */
  gotPiece(host: number, now: number, held: number, has: (piece: number) => boolean): void {
    let prefix = this.#prefix[host] as number
    while (prefix < this.#pieceCount && has(prefix)) prefix += 1
    this.#prefix[host] = prefix
    if (prefix >= this.#tenth && Number.isNaN(this.#tenthAt[host])) this.#tenthAt[host] = now
    if (held < this.#pieceCount || this.isFinished(host)) return
    this.#finishedAt[host] = now
    if (host >= this.#population.firstPeer) this.#open -= 1
  }

  /** The host is gone for good. */
  died(host: number): void {
    if (host >= this.#population.firstPeer && !this.isFinished(host)) this.#open -= 1
  }

  outcome(): RunOutcome {
    const { hosts, firstPeer, boundMs } = this.#population
    const peers = hosts.map((_, host) => host).slice(firstPeer)
    const since = (times: Float64Array) =>
      ascending(peers.map((host) => (times[host] as number) - (hosts[host]?.arrivesMs ?? 0)))
    return {
      boundMs,
      durations: since(this.#finishedAt),
      firstTenths: since(this.#tenthAt),
      finishes: ascending(peers.map((host) => this.#finishedAt[host] as number)),
      unfinished: this.#open,
      bytes: { ...this.#bytes },
      crossRackBytes: this.#crossRackBytes,
    }
  }
}

const ascending = (times: readonly number[]): Float64Array =>
  Float64Array.from(times.filter((time) => !Number.isNaN(time))).sort()
