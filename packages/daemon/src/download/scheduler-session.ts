import { create, type MessageInitShape } from '@bufbuild/protobuf'
import type { Download, Peer } from '@damselfly/api/common'
import {
  type AnnouncePeerRequest,
  AnnouncePeerRequestSchema,
  type AnnouncePeerResponse,
} from '@damselfly/api/scheduler'
import {
  type Clock,
  DfError,
  isAbort,
  type PeerId,
  settledWithin,
  type TaskId,
} from '@damselfly/core'
import { type BidiStream, openBidi } from '@damselfly/rpc'
import type { PieceRecord } from '@damselfly/storage'
import type { SchedulerLink } from '../announce/scheduler-pool.ts'
import { wirePiece } from './wire-piece.ts'

/** What the scheduler told this peer to do. */
export type SchedulerOrder =
  | { readonly kind: 'parents'; readonly peers: readonly Peer[] }
  | { readonly kind: 'back-to-source' }
  | { readonly kind: 'empty' }
  | { readonly kind: 'metadata-only' }

export interface PeerIdentity {
  readonly hostId: string
  readonly taskId: TaskId
  readonly peerId: PeerId
}

export interface SessionHandlers {
  readonly onOrder: (order: SchedulerOrder) => void
  /** The stream ended before a terminal message was sent. */
  readonly onLost: (error: DfError) => void
}

/** How long the scheduler may take to close the call after a terminal message. */
const closeWaitMs = 2_000

/** One AnnouncePeer stream (interop.md 2.5): orders come in through handlers, reports go out. */
export class SchedulerSession {
  readonly link: SchedulerLink
  readonly #identity: PeerIdentity
  readonly #call: BidiStream<AnnouncePeerRequest, AnnouncePeerResponse>
  readonly #clock: Clock
  readonly #ended: Promise<void>
  #terminal = false

  constructor(
    link: SchedulerLink,
    identity: PeerIdentity,
    handlers: SessionHandlers,
    clock: Clock,
  ) {
    this.link = link
    this.#identity = identity
    this.#clock = clock
    this.#call = openBidi(link.scheduler.announcePeer, {})
    this.#ended = this.#listen(handlers)
  }

  register(download: Download): void {
    this.#send({ case: 'registerPeerRequest', value: { download } })
  }

  started(): void {
    this.#send({ case: 'downloadPeerStartedRequest', value: {} })
  }

  backToSourceStarted(): void {
    this.#send({ case: 'downloadPeerBackToSourceStartedRequest', value: {} })
  }

  /** Asks for other parents; those named are not given again. */
  reschedule(bad: readonly Peer[], description: string): void {
    this.#send({
      case: 'reschedulePeerRequest',
      value: { candidateParents: [...bad], description },
    })
  }

  pieceFinished(record: PieceRecord): void {
    const piece = wirePiece(record)
    if (record.trafficType === 'back-to-source') {
      this.#send({ case: 'downloadPieceBackToSourceFinishedRequest', value: { piece } })
    } else {
      this.#send({ case: 'downloadPieceFinishedRequest', value: { piece } })
    }
  }

  pieceFailed(pieceNumber: number, parentId: string, temporary: boolean): void {
    this.#send({ case: 'downloadPieceFailedRequest', value: { pieceNumber, parentId, temporary } })
  }

  /** 15: the origin failed while this peer was reading it. */
  sourceFailed(error: DfError): void {
    const { statusCode, header } = error.details
    const backend =
      typeof statusCode === 'number'
        ? ({
            case: 'backend',
            value: {
              message: error.message,
              statusCode,
              header: (header ?? {}) as Record<string, string>,
            },
          } as const)
        : ({ case: 'unknown', value: { message: error.message } } as const)
    this.#send({ case: 'downloadPieceBackToSourceFailedRequest', value: { response: backend } })
  }

  /** 8 or 9, then waits until the scheduler has closed the call. */
  finish(fromSource: boolean): Promise<void> {
    return this.#end(
      fromSource
        ? { case: 'downloadPeerBackToSourceFinishedRequest', value: {} }
        : { case: 'downloadPeerFinishedRequest', value: {} },
    )
  }

  /** 10 or 11, then waits until the scheduler has closed the call. */
  fail(fromSource: boolean, description: string): Promise<void> {
    return this.#end(
      fromSource
        ? { case: 'downloadPeerBackToSourceFailedRequest', value: { description } }
        : { case: 'downloadPeerFailedRequest', value: { description } },
    )
  }

  /** Breaks the stream; the scheduler sees this peer die. */
  abort(): void {
    this.#terminal = true
    this.#call.abort()
  }

  async #end(request: RequestCase): Promise<void> {
    this.#terminal = true
    this.#post(request)
    // Dragonfly's scheduler closes the call itself; half-closing first would be a lost stream to it.
    await settledWithin(this.#clock, closeWaitMs, this.#ended)
    this.#call.abort()
  }

  #send(request: RequestCase): void {
    if (!this.#terminal) this.#post(request)
  }

  /** A message that finds the call over has nobody to go to; the end itself is reported by `onLost`. */
  #post(request: RequestCase): void {
    this.#call.send(this.#message(request)).catch(() => {})
  }

  #message(request: RequestCase) {
    return create(AnnouncePeerRequestSchema, { ...this.#identity, request })
  }

  async #listen({ onOrder, onLost }: SessionHandlers): Promise<void> {
    try {
      for await (const { response } of this.#call.responses) {
        const order = readOrder(response)
        if (order !== undefined && !this.#terminal) onOrder(order)
      }
      if (!this.#terminal) onLost(lost(this.link.address))
    } catch (error) {
      if (this.#terminal || isAbort(error)) return
      onLost(DfError.from(error, 'SchedulerUnavailable'))
    }
  }
}

type RequestCase = NonNullable<MessageInitShape<typeof AnnouncePeerRequestSchema>['request']>

function readOrder(response: AnnouncePeerResponse['response']): SchedulerOrder | undefined {
  switch (response.case) {
    case 'normalTaskResponse':
      return { kind: 'parents', peers: response.value.candidateParents }
    case 'needBackToSourceResponse':
      return { kind: 'back-to-source' }
    case 'emptyTaskResponse':
      return { kind: 'empty' }
    case 'metadataOnlyResponse':
      return { kind: 'metadata-only' }
    default:
      return undefined
  }
}

function lost(address: string): DfError {
  return new DfError(
    'SchedulerUnavailable',
    `The scheduler at ${address} closed the stream before the download was over.`,
  )
}
