import { type Piece, TrafficType } from '@damselfly/api/common'
import type { DownloadTaskResponse, DownloadTaskStartedResponse } from '@damselfly/api/dfdaemon'

/** Bytes of a download by who gave them. */
export interface Shares {
  readonly origin: number
  readonly seed: number
  readonly peers: number
  /** They were on this host already. */
  readonly cache: number
}

export type Giver = keyof Shares

/** Where a download stands and who gave its bytes, from the messages of DownloadTask. */
export class SharesTracker {
  readonly #shares: Record<Giver, number> = { origin: 0, seed: 0, peers: 0, cache: 0 }
  readonly #expected = new Set<number>()
  /** The part of the content that was asked for, in bytes. */
  #start = 0
  #end = 0
  #pieceCount = 0

  /** Bytes of what was asked for: of the range, or of the whole content. 0 before the first message. */
  get sizeBytes(): number {
    return this.#end - this.#start
  }

  get doneBytes(): number {
    const { origin, seed, peers, cache } = this.#shares
    return origin + seed + peers + cache
  }

  get shares(): Shares {
    return { ...this.#shares }
  }

  get pieceCount(): number {
    return this.#pieceCount
  }

  /** Pieces that were announced and have not come. */
  get missingPieces(): number {
    return this.#expected.size
  }

  /** First byte of the part asked for; content is written relative to it. */
  get start(): number {
    return this.#start
  }

  add({ response }: DownloadTaskResponse): void {
    if (response.case === 'downloadTaskStartedResponse') this.#begin(response.value)
    const piece =
      response.case === 'downloadPieceFinishedResponse' ? response.value.piece : undefined
    if (piece !== undefined) this.#finish(piece)
  }

  /** The bytes of a piece that lie inside what was asked for, as offsets in the content. */
  part({ offset, length }: Pick<Piece, 'offset' | 'length'>): { start: number; end: number } {
    const start = Math.max(Number(offset), this.#start)
    return { start, end: Math.max(start, Math.min(Number(offset + length), this.#end)) }
  }

  #begin({ contentLength, range, pieces }: DownloadTaskStartedResponse): void {
    this.#start = Number(range?.start ?? 0n)
    const rest = Number(contentLength) - this.#start
    this.#end = this.#start + Math.max(0, Math.min(Number(range?.length ?? rest), rest))
    this.#pieceCount = pieces.length
    for (const { number } of pieces) this.#expected.add(number)
  }

  #finish(piece: Piece): void {
    const isNews = this.#expected.delete(piece.number)
    // A daemon that announces no pieces is believed; otherwise a piece counts once.
    if (!isNews && this.#pieceCount > 0) return
    const { start, end } = this.part(piece)
    this.#shares[giverOf(piece)] += end - start
  }
}

function giverOf({ trafficType, parentId }: Piece): Giver {
  switch (trafficType) {
    case TrafficType.LOCAL_PEER:
      return 'cache'
    case TrafficType.REMOTE_PEER:
      // Ids of peers on seeds end so (interop.md 5.1).
      return parentId?.endsWith('-seed') === true ? 'seed' : 'peers'
    default:
      return 'origin'
  }
}
