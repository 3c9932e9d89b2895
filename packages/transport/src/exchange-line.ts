import type { ExchangeHolder, PieceExchange } from './piece-exchange.ts'

type Verdict = 'taken' | 'next' | 'stop'

/** Exchanges that wait for a connection: first those that have been moved from a broken one, the background last. */
export class ExchangeLine implements ExchangeHolder {
  readonly #moved = new Set<PieceExchange>()
  readonly #foreground = new Set<PieceExchange>()
  readonly #background = new Set<PieceExchange>()
  #isTaking = false
  #again = false

  get size(): number {
    return this.#moved.size + this.#foreground.size + this.#background.size
  }

  add(exchange: PieceExchange): void {
    const isMoved = exchange.holder !== undefined
    const { isBackground } = exchange.fetch
    exchange.holder = this
    if (isMoved) this.#moved.add(exchange)
    else if (isBackground === true) this.#background.add(exchange)
    else this.#foreground.add(exchange)
  }

  leave(exchange: PieceExchange): void {
    for (const line of this.#lines()) line.delete(exchange)
  }

  *all(): Generator<PieceExchange> {
    for (const line of this.#lines()) yield* line
  }

  /** Offers those who wait, in order. What `take` does may lead here again; that is one more round, not a deeper call. */
  take(take: (exchange: PieceExchange) => Verdict): void {
    this.#again = true
    if (this.#isTaking) return
    this.#isTaking = true
    try {
      while (this.#again) {
        this.#again = false
        this.#round(take)
      }
    } finally {
      this.#isTaking = false
    }
  }

  #round(take: (exchange: PieceExchange) => Verdict): void {
    for (const line of this.#lines()) {
      for (const exchange of line) {
        const verdict = take(exchange)
        if (verdict === 'stop') return
        if (verdict === 'taken') line.delete(exchange)
      }
    }
  }

  #lines(): Set<PieceExchange>[] {
    return [this.#moved, this.#foreground, this.#background]
  }
}
