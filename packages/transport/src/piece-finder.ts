import { DfError, type Log } from '@damselfly/core'
import type { ServedPiece, TaskFamily } from './piece.ts'
import type { RequestLine } from './request-line.ts'
import type { PieceAsked } from './request-reader.ts'

/** Finds a piece, waiting for it when it is on its way. The signal aborts when nobody wants it any more. */
export type OpenPiece = (
  family: TaskFamily,
  taskId: string,
  number: number,
  signal: AbortSignal,
) => Promise<ServedPiece>

/** A request with what was found for it. */
export interface FoundPiece {
  readonly asked: PieceAsked
  readonly found: { readonly piece: ServedPiece } | { readonly error: unknown }
}

export interface PieceFinderDeps {
  readonly open: OpenPiece
  readonly log: Log
}

/** Takes the requests of a connection and finds the pieces. */
export class PieceFinder {
  readonly #requests: RequestLine
  readonly #options: { readonly isForDragonfly: boolean; readonly signal: AbortSignal }
  readonly #deps: PieceFinderDeps
  /** Requests taken so far. */
  taken = 0

  constructor(
    requests: RequestLine,
    options: { readonly isForDragonfly: boolean; readonly signal: AbortSignal },
    deps: PieceFinderDeps,
  ) {
    this.#requests = requests
    this.#options = options
    this.#deps = deps
  }

  /**
   * The next request and its piece; `undefined` when the child asks for nothing more, `'broken'` when it has broken the
   * protocol. Never rejects.
   */
  async next(): Promise<FoundPiece | undefined | 'broken'> {
    let asked: PieceAsked | undefined
    try {
      asked = await this.#requests.next()
      if (asked?.kept !== undefined && this.#options.isForDragonfly) {
        throw new DfError('PeerProtocol', 'The child asks in plain text though it could use TLS.')
      }
    } catch (err) {
      this.#deps.log.debug({ err }, 'the child broke the piece protocol')
      return 'broken'
    }
    if (asked === undefined) return undefined
    this.taken += 1
    try {
      return { asked, found: { piece: await this.#find(asked) } }
    } catch (error) {
      return { asked, found: { error } }
    }
  }

  /** Whoever looks for the piece may take longer than the child; what is found then is given back. */
  #find({ family, taskId, number }: PieceAsked): Promise<ServedPiece> {
    const { signal } = this.#options
    return new Promise((resolve, reject) => {
      let isGivenUp = signal.aborted
      const onAbort = (): void => {
        isGivenUp = true
        reject(signal.reason)
      }
      if (isGivenUp) return onAbort()
      signal.addEventListener('abort', onAbort, { once: true })
      this.#deps
        .open(family, taskId, number, signal)
        .then((piece) => (isGivenUp ? piece.release(0) : resolve(piece)), reject)
        .finally(() => signal.removeEventListener('abort', onAbort))
        .catch(reject)
    })
  }
}
