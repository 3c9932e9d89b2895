const maxSlots = 16
/** Weight of the newest piece in the rate. */
const newest = 0.25
/** Of the fair rate: when pieces are sent slower than this, the uplink carries fewer of them at a time; less may be the children's doing ... */
const tooSlow = 0.5
/** ... and when they are faster than this, it may carry one more. */
const fastEnough = 1.02
/** A step up after which pieces are slower than this was one too many. */
const stillFast = 0.95
/** Rounds without another step up after one that was for nothing, each time twice as many. */
const firstRest = 16
const maxRest = 128

export interface FairShare {
  /** Pieces that a download has in flight. */
  readonly concurrency: number
  /** Bytes per second of this host, as declared, and on average in the swarm; 0 = unknown. */
  readonly uplink: number
  readonly meanUplink: number
}

/**
 * How many pieces a host sends at a time: so many that each goes as fast as elsewhere in the swarm, which is the mean uplink over
 * the pieces that a download has in flight. Then a child need not care whom it gets a piece from. It begins with what the host
 * declared of its uplink, which may be wrong by much; what is really sent corrects it, one round of all slots after the other.
 */
export class UploadSlots {
  #count: number | undefined
  /** Bytes per second of one piece, a moving average. */
  #rate = 0
  #sentInRound = 0
  #isTrying = false
  #rest = firstRest
  #restLeft = 0

  /** Pieces at a time. */
  count({ concurrency, uplink, meanUplink }: FairShare): number {
    if (this.#count !== undefined) return this.#count
    const part = uplink > 0 && meanUplink > 0 ? uplink / meanUplink : 1
    return bounded(Math.round(concurrency * part))
  }

  /** A whole piece went out at so many bytes per second while all slots were in use. */
  sent(rate: number, share: FairShare): void {
    const fair = share.meanUplink / share.concurrency
    if (fair === 0) return
    const count = this.count(share)
    this.#rate = this.#rate === 0 ? rate : this.#rate + newest * (rate - this.#rate)
    this.#sentInRound += 1
    if (this.#sentInRound < count + 1) return
    this.#sentInRound = 0
    this.#review(count, this.#rate / fair)
  }

  /** `speed`: what the pieces had of the fair rate in this round. */
  #review(count: number, speed: number): void {
    const wasTrying = this.#isTrying
    this.#isTrying = false
    if (speed < tooSlow) {
      this.#count = bounded(Math.round(count * speed))
      this.#rate = 0
    } else if (wasTrying && speed < stillFast) {
      this.#count = bounded(count - 1)
      this.#restLeft = this.#rest
      this.#rest = Math.min(maxRest, this.#rest * 2)
    } else if (this.#restLeft > 0) {
      this.#restLeft -= 1
    } else if (speed >= fastEnough && count < maxSlots) {
      this.#count = count + 1
      this.#isTrying = true
      this.#rate = 0
    }
  }
}

const bounded = (count: number): number => Math.min(maxSlots, Math.max(1, count))
