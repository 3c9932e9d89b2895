import type { ExchangeHolder, PieceExchange } from './piece-exchange.ts'

/** `full`: the exchange's peer can take no more; `stop`: nobody can. */
type Verdict = 'taken' | 'full' | 'stop'

/** Those of one class who wait, by peer. */
class PeerLines {
  readonly #lines = new Map<string, Set<PieceExchange>>()
  size = 0

  add(exchange: PieceExchange): void {
    const line = this.#lines.get(exchange.peerKey)
    if (line === undefined) this.#lines.set(exchange.peerKey, new Set([exchange]))
    else line.add(exchange)
    this.size += 1
  }

  delete(exchange: PieceExchange): void {
    const line = this.#lines.get(exchange.peerKey)
    if (line?.delete(exchange) !== true) return
    this.size -= 1
    if (line.size === 0) this.#lines.delete(exchange.peerKey)
  }

  *all(): Generator<PieceExchange> {
    for (const line of this.#lines.values()) yield* line
  }

  /** One of each peer in turn, until all that have some are full. False when it was stopped. */
  take(take: (exchange: PieceExchange) => Verdict): boolean {
    const peers = new Set(this.#lines.keys())
    for (const peer of peers) {
      const [first] = this.#lines.get(peer) ?? []
      if (first === undefined) continue
      const verdict = take(first)
      if (verdict === 'stop') return false
      if (verdict === 'full') continue
      this.delete(first)
      this.#toTheEnd(peer)
      // A Set goes on with what is added meanwhile.
      peers.delete(peer)
      peers.add(peer)
    }
    return true
  }

  /** Who has had its turn comes last the next time. */
  #toTheEnd(peer: string): void {
    const line = this.#lines.get(peer)
    if (line === undefined) return
    this.#lines.delete(peer)
    this.#lines.set(peer, line)
  }
}

/**
 * Exchanges that wait for a connection: first those that have been moved from a broken one, the background last. Within a
 * class peers take turns, and one that is busy holds nobody else back.
 */
export class ExchangeLine implements ExchangeHolder {
  readonly #moved = new PeerLines()
  readonly #foreground = new PeerLines()
  readonly #background = new PeerLines()
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
    for (const lines of this.#classes()) lines.delete(exchange)
  }

  *all(): Generator<PieceExchange> {
    for (const lines of this.#classes()) yield* lines.all()
  }

  /** Offers those who wait, in order. What `take` does may lead here again; that is one more round, not a deeper call. */
  take(take: (exchange: PieceExchange) => Verdict): void {
    this.#again = true
    if (this.#isTaking) return
    this.#isTaking = true
    try {
      while (this.#again) {
        this.#again = false
        for (const lines of this.#classes()) {
          if (lines.size > 0 && !lines.take(take)) break
        }
      }
    } finally {
      this.#isTaking = false
    }
  }

  #classes(): PeerLines[] {
    return [this.#moved, this.#foreground, this.#background]
  }
}
