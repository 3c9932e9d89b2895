/** Part of the wanted pieces that may be fetched in vain. */
const share = 0.005

/** Keeps what is fetched twice within bounds: the first hedge is always allowed, more only as far as the share reaches. */
export class HedgeBudget {
  /** In pieces; what a hedge that runs may still waste counts whole. */
  #spent = 0

  isAllowed(wantedPieces: number): boolean {
    return this.#spent === 0 || this.#spent + 1 <= wantedPieces * share
  }

  begin(): void {
    this.#spent += 1
  }

  /** One of the two is over; that part of a piece came in vain. */
  end(wastedPart: number): void {
    this.#spent += Math.min(1, Math.max(0, wastedPart)) - 1
  }
}
