import type { Clock } from '@damselfly/core'

/** After this long half of a guilt is forgiven. */
const halfLifeMs = 10 * 60_000
/** One bad piece bans for a half-life, two at once for two, and so on. */
const bannedFrom = 0.5
/** Whoever is forgotten first was blamed first. */
const maxHosts = 4_096

interface Guilt {
  readonly score: number
  readonly atMs: number
}

/** Hosts that have sent wrong bytes: for a while nothing is asked of them, longer the more often it happened. */
export class PeerBans {
  readonly #clock: Clock
  readonly #guilt = new Map<string, Guilt>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The host sent bytes that are not the piece. */
  blame(hostId: string): void {
    const score = this.#score(hostId) + 1
    this.#guilt.delete(hostId)
    this.#guilt.set(hostId, { score, atMs: this.#clock.monotonic() })
    const [first] = this.#guilt.keys()
    if (this.#guilt.size > maxHosts && first !== undefined) this.#guilt.delete(first)
  }

  isBanned(hostId: string): boolean {
    return this.#score(hostId) > bannedFrom
  }

  #score(hostId: string): number {
    const guilt = this.#guilt.get(hostId)
    if (guilt === undefined) return 0
    return guilt.score * 0.5 ** ((this.#clock.monotonic() - guilt.atMs) / halfLifeMs)
  }
}
