import type { Neighbour } from './neighbour.ts'
import type { WireMessage } from './wire.ts'

const signEveryMs = 500
/** Who says nothing for so long, though it should, is gone, or as good as that. */
const silentMs = 1_500

type Party = Pick<Neighbour, 'isServed' | 'askedAt' | 'heardAt'> & {
  readonly link: Pick<Neighbour['link'], 'saidAt' | 'post'>
}

/**
 * With a piece on its way from a neighbour the exchange sees that nothing comes any more. Between pieces only silence tells: so
 * whoever waits for a grant hears of its neighbour twice a second.
 */
export class SignsOfLife {
  #tickedAt: number | undefined

  /** To be called every 100 ms or so: sends signs, and returns who has fallen silent. */
  tick<P extends Party>(neighbours: readonly P[], now: number): P[] {
    const gapMs = now - (this.#tickedAt ?? now)
    this.#tickedAt = now
    for (const neighbour of neighbours) {
      const { isServed, link } = neighbour
      if (isServed && now - link.saidAt >= signEveryMs) link.post(sign)
      // A tick that comes much too late says that this host slept, not that the others did.
      if (gapMs >= silentMs / 2) neighbour.heardAt = Math.min(now, neighbour.heardAt + gapMs)
    }
    return neighbours.filter(
      ({ askedAt, heardAt }) =>
        askedAt !== undefined && now - Math.max(askedAt, heardAt) >= silentMs,
    )
  }
}

const sign: WireMessage = { message: { case: 'sending', value: {} } }
