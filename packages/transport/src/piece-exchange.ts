import { DfError } from '@damselfly/core'
import { AnswerReader } from './answer-reader.ts'
import type { FetchedPiece, PieceFetch } from './piece.ts'

type Outcome = { readonly piece: FetchedPiece } | { readonly error: unknown }

/** Whoever has the exchange at the moment: a line or a connection. */
export interface ExchangeHolder {
  /** The exchange has been aborted. */
  leave(exchange: PieceExchange): void
}

/**
 * One request and its answer. It may pass from a line to a connection and, when that breaks before its turn, to another
 * one; `promise` settles when it is over and its sink writes no more.
 */
export class PieceExchange {
  readonly fetch: PieceFetch
  /** Tells peers, and what they offer, apart. */
  readonly peerKey: string
  /** The request as it is sent. */
  readonly frame: Uint8Array
  readonly #isPackedWelcome: boolean
  readonly #settled = Promise.withResolvers<FetchedPiece>()
  holder: ExchangeHolder | undefined
  reader: AnswerReader
  /** How often a peer broke the connection before this one's turn. */
  breaks = 0
  #sinkKind: 'untried' | 'immediate' | 'patient' = 'untried'
  #pending: Promise<void> | undefined
  #outcome: Outcome | undefined

  constructor(fetch: PieceFetch, frame: Uint8Array, isPackedWelcome: boolean) {
    this.fetch = fetch
    this.peerKey = JSON.stringify([fetch.peer.endpoint, fetch.peer.features])
    this.frame = frame
    this.#isPackedWelcome = isPackedWelcome
    this.reader = this.#newReader()
    fetch.signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  get promise(): Promise<FetchedPiece> {
    return this.#settled.promise
  }

  get isOver(): boolean {
    return this.#outcome !== undefined
  }

  /** It is not known yet whether the sink takes chunks at once. */
  get isUntried(): boolean {
    return this.#sinkKind === 'untried'
  }

  /** The sink needs chunks that stay where they are. */
  get isPatient(): boolean {
    return this.#sinkKind === 'patient'
  }

  /** Settles when the sink is ready for more. Never rejects: an error of the sink ends the exchange. */
  get pending(): Promise<void> | undefined {
    return this.#pending
  }

  /** Nothing of an answer has come; another connection will bring it from its beginning. */
  restart(): void {
    this.reader = this.#newReader()
  }

  /** Gives content to the sink. `isLasting` says that the chunk stays where it is until the sink is done with it. */
  deliver(content: Uint8Array, isLasting: boolean): void {
    try {
      // Until it has returned once, nobody knows whether the sink goes on working on the chunk.
      const chunk = this.isUntried && !isLasting ? Buffer.from(content) : content
      const result = this.fetch.sink.write(chunk)
      const kind = result === undefined ? 'immediate' : 'patient'
      if (this.isUntried) this.#sinkKind = kind
      if (result === undefined) {
        const ready = this.fetch.sink.ready?.()
        if (ready !== undefined) this.#wait(ready)
        return
      }
      this.#wait(result)
      if (this.#sinkKind === 'immediate' && !isLasting) throw new DfError('Internal', changedMind)
    } catch (error) {
      this.end({ error })
    }
  }

  /** The first outcome counts. */
  end(outcome: Outcome): void {
    if (this.#outcome !== undefined) return
    this.#outcome = outcome
    this.fetch.signal?.removeEventListener('abort', this.#onAbort)
    if (this.#pending === undefined) this.#settle(outcome)
  }

  #newReader(): AnswerReader {
    const { peer, family, number, expectedLength } = this.fetch
    const { endpoint } = peer
    const isPackedWelcome = this.#isPackedWelcome
    return new AnswerReader({ endpoint, family, number, expectedLength, isPackedWelcome })
  }

  readonly #onAbort = (): void => {
    this.end({ error: this.fetch.signal?.reason })
    this.holder?.leave(this)
  }

  #wait(result: Promise<void>): void {
    const done = (): void => {
      this.#pending = undefined
      if (this.#outcome !== undefined) this.#settle(this.#outcome)
    }
    this.#pending = result.then(done, (error: unknown) => {
      this.end({ error })
      done()
    })
  }

  #settle(outcome: Outcome): void {
    if ('piece' in outcome) this.#settled.resolve(outcome.piece)
    else this.#settled.reject(outcome.error)
  }
}

const changedMind = 'A sink took its first chunk at once and then asked for time.'
