import {
  type Clock,
  type DigestAlgorithm,
  type Log,
  type Network,
  pieceGeometry,
  pieceSpan,
  type Random,
} from '@damselfly/core'
import type { SourceRegistry } from '@damselfly/sources'
import type { PieceFacts } from '@damselfly/storage'
import { PeerLinks, type PeerLinksOptions, type PieceServerDeps } from '@damselfly/transport'
import { type CutSink, cutBody } from './cut-body.ts'
import type {
  ArrivedPiece,
  BodyDesk,
  ContentHasher,
  DataPlane,
  PieceOrder,
  PieceServing,
  ServeOptions,
  SourceOrder,
  UploadDesk,
} from './data-plane.ts'
import { inlineHasher } from './inline-hasher.ts'
import { KeptPiece } from './kept-piece.ts'
import { servePieces } from './serve-pieces.ts'

export interface InlinePlaneDeps {
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly log: Log
  readonly sources: SourceRegistry
}

/** Pieces flow on the calling thread, over its seams: for tests and simulation, and for stores whose bytes only they can reach. */
export class InlinePlane implements DataPlane {
  readonly #links: PeerLinks
  readonly #deps: InlinePlaneDeps

  constructor(links: PeerLinksOptions, deps: InlinePlaneDeps) {
    this.#deps = deps
    this.#links = new PeerLinks(links, deps)
  }

  async receive(order: PieceOrder, signal: AbortSignal): Promise<ArrivedPiece> {
    const { stored, isSecond, ...asked } = order
    const { number } = asked
    const writer = isSecond ? new KeptPiece(stored, number) : stored.writePiece(number)
    try {
      const { taskId, contentLength, pieceLength } = stored.spec
      const header = await this.#links.fetch({
        ...asked,
        family: 'standard',
        taskId,
        expectedLength: pieceSpan(pieceGeometry(contentLength, pieceLength), number).length,
        sink: writer,
        signal,
      })
      return {
        header,
        digests: writer.digests,
        commit: (facts: PieceFacts) => writer.commit(facts),
        abort: () => writer.abort(),
      }
    } catch (error) {
      writer.abort()
      throw error
    }
  }

  async readSource(order: SourceOrder, desk: BodyDesk, signal: AbortSignal): Promise<void> {
    const { request, options, stored, geometry } = order
    const body = await this.#deps.sources.for(request.url).read(request, { ...options, signal })
    const open = async (number: number): Promise<CutSink | 'skip' | 'end'> => {
      const order = await desk.next(number)
      if (order !== 'keep') return order
      const writer = stored.writePiece(number)
      return {
        write: (chunk) => writer.write(chunk),
        complete: (costMs) =>
          desk.arrived({
            number,
            costMs,
            digests: writer.digests,
            commit: (facts) => writer.commit(facts),
            abort: () => writer.abort(),
          }),
        abandon: () => writer.abort(),
      }
    }
    const begins = (start: number): boolean => desk.begins(start)
    await cutBody(body, geometry, { begins, open }, this.#deps.clock)
  }

  hasher(algorithm: DigestAlgorithm): ContentHasher {
    return inlineHasher(algorithm)
  }

  copier(): undefined {
    return undefined
  }

  serve(options: ServeOptions, desk: UploadDesk): Promise<PieceServing> {
    const open: PieceServerDeps['open'] = async (family, taskId, number) => {
      const { stored, record, release } = desk.find(family, taskId, number)
      const { offset, ...header } = record
      let isSuspect = false
      return {
        ...header,
        offset,
        async read(buffer, at) {
          isSuspect = true
          const count = await stored.read(buffer, offset + at)
          isSuspect = false
          return count
        },
        release: (sentBytes) => release(sentBytes, isSuspect),
      }
    }
    return servePieces(options, { ...this.#deps, open, onSent: (bytes) => desk.sent(bytes) })
  }

  close(): Promise<void> {
    return this.#links.close()
  }
}
