import type { HostFacts } from '../facts.ts'

/** Numbers for the places that hosts announce, so that two are compared at once. 0 = unknown. */
export class PlaceNumbers {
  readonly #racks = new Names(0xffff)
  readonly #idcs = new Names(0xff)
  readonly #regions = new Names(0xff)

  /** Names differ in case between machines of one site, so case does not count. */
  of({ idc, location }: HostFacts): { rack: number; idc: number; region: number } {
    const place = location?.toLowerCase() ?? ''
    return {
      rack: this.#racks.number(place),
      idc: this.#idcs.number(idc?.toLowerCase() ?? ''),
      region: this.#regions.number(place.split('|', 1)[0] ?? ''),
    }
  }
}

/** A place beyond the limit is unknown: such hosts are found by chance only. */
class Names {
  readonly #numbers = new Map<string, number>([['', 0]])
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  number(name: string): number {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    if (this.#numbers.size > this.#limit) return 0
    const next = this.#numbers.size
    this.#numbers.set(name, next)
    return next
  }
}
