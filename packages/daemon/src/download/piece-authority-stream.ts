import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  type PieceDigest,
  type PieceDigestsRequest,
  PieceDigestsRequestSchema,
  type PieceDigestsResponse,
} from '@damselfly/api/swarm'
import { type Clock, DfError } from '@damselfly/core'
import type { PieceDigests } from '@damselfly/core/hashing'
import type { BidiStream } from '@damselfly/rpc'

export type DigestsCall = BidiStream<PieceDigestsRequest, PieceDigestsResponse>

/** A piece whose bytes this host has had in its hands. */
export interface RecordedPiece {
  readonly number: number
  readonly digests: PieceDigests
}

export interface AuthorityStreamHandlers {
  /** The scheduler has taken in the record of these pieces. Called before the `onTold` of the same message. */
  readonly onAccepted: (numbers: readonly number[]) => void
  readonly onTold: (pieces: readonly PieceDigest[]) => void
  /** Further pieces to tell of when nothing else is under way; empty when there are none. Called with the most that fit. */
  readonly onIdle: (max: number) => readonly HeldRecord[]
  /** The stream is over, unless it was closed from here. */
  readonly onEnd: (error: DfError) => void
}

export interface HeldRecord extends RecordedPiece {
  readonly fromOrigin: boolean
}

/** Pieces in one message at most: about 45 KiB. */
const maxPiecesPerMessage = 1024
/** Record messages on their way; what comes meanwhile waits and goes in one. */
const maxOutstanding = 8
/** Messages that wait behind these; a scheduler that takes in nothing for so long is not told any more. */
const maxWaiting = 64
/** How long the scheduler may take to end the call after we have. */
const closeWaitMs = 2_000

/** One PieceDigests stream: records go out in few messages, what the scheduler says comes in. */
export class AuthorityStream {
  readonly #call: DigestsCall
  readonly #clock: Clock
  readonly #handlers: AuthorityStreamHandlers
  #waiting: Batch[] = []
  /** In the order they were sent. */
  readonly #outstanding: Batch[] = []
  #acceptedCount = 0n
  #isPumping = false
  #isOver = false
  #hasEnded = false
  #cancelAbort = (): void => {}

  constructor(
    call: DigestsCall,
    watch: { readonly taskId: string; readonly hostId: string },
    handlers: AuthorityStreamHandlers,
    clock: Clock,
  ) {
    this.#call = call
    this.#handlers = handlers
    this.#clock = clock
    this.#send({ case: 'watch', value: watch })
    void this.#listen()
    this.#pumpSoon()
  }

  /** Resolves to whether the scheduler has taken it in; false when the stream is over before that. At least one piece. */
  record(pieces: readonly RecordedPiece[], fromOrigin: boolean): Promise<boolean> {
    if (this.#isOver || this.#waiting.length >= maxWaiting) return Promise.resolve(false)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    for (let at = 0; at < pieces.length; ) {
      const batch = this.#openBatch(fromOrigin)
      const part = pieces.slice(at, at + maxPiecesPerMessage - batch.pieces.length)
      batch.pieces.push(...part)
      at += part.length
      // Messages are accepted in order, so the last one covers all.
      if (at === pieces.length) batch.settle.push(resolve)
    }
    this.#pumpSoon()
    return promise
  }

  /** Ends the call; what was sent still arrives. */
  close(): void {
    if (this.#isOver) return
    this.#finish()
    this.#call.closeSend()
    if (this.#hasEnded) return
    this.#cancelAbort = this.#clock.schedule(closeWaitMs, () => this.#call.abort())
  }

  /** One that has room for another piece. */
  #openBatch(fromOrigin: boolean): Batch {
    const last = this.#waiting.at(-1)
    if (last?.fromOrigin === fromOrigin && last.pieces.length < maxPiecesPerMessage) return last
    const batch: Batch = { pieces: [], fromOrigin, settle: [] }
    this.#waiting.push(batch)
    return batch
  }

  /** After the promises that are settled now, so that records of the same moment go together. */
  #pumpSoon(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    queueMicrotask(() => {
      this.#isPumping = false
      this.#pump()
    })
  }

  #pump(): void {
    while (!this.#isOver && this.#outstanding.length < maxOutstanding) {
      const batch = this.#waiting.shift() ?? this.#idleBatch()
      if (batch === undefined) return
      this.#outstanding.push(batch)
      const pieces = batch.pieces.map(({ number, digests }) => ({ number, ...digests }))
      this.#send({ case: 'record', value: { pieces, fromOrigin: batch.fromOrigin } })
    }
  }

  /** One message at a time, so that what a download waits for is not behind many of these. */
  #idleBatch(): Batch | undefined {
    if (this.#outstanding.length > 0) return undefined
    const [first, ...rest] = this.#handlers.onIdle(maxPiecesPerMessage)
    if (first === undefined) return undefined
    const { fromOrigin } = first
    const batch: Batch = { pieces: [first], fromOrigin, settle: [] }
    const others: Batch = { pieces: [], fromOrigin: !fromOrigin, settle: [] }
    for (const piece of rest) (piece.fromOrigin === fromOrigin ? batch : others).pieces.push(piece)
    if (others.pieces.length > 0) this.#waiting.unshift(others)
    return batch
  }

  /** A message that finds the call over has nobody to go to; the responses say why. */
  #send(request: RequestCase): void {
    this.#call.send(create(PieceDigestsRequestSchema, { request })).catch(() => {})
  }

  async #listen(): Promise<void> {
    let thrown: unknown
    try {
      for await (const response of this.#call.responses) this.#receive(response)
    } catch (error) {
      thrown = error
    }
    this.#hasEnded = true
    this.#cancelAbort()
    if (this.#isOver) return
    this.#finish()
    this.#call.abort()
    thrown ??= 'The scheduler closed the stream of digests.'
    this.#handlers.onEnd(DfError.from(thrown, 'SchedulerUnavailable'))
  }

  #receive({ accepted, pieces }: PieceDigestsResponse): void {
    if (this.#isOver) return
    const settled: Batch[] = []
    for (; this.#acceptedCount < accepted; this.#acceptedCount += 1n) {
      const batch = this.#outstanding.shift()
      if (batch === undefined) break
      settled.push(batch)
      this.#handlers.onAccepted(batch.pieces.map(({ number }) => number))
    }
    if (pieces.length > 0) this.#handlers.onTold(pieces)
    for (const { settle } of settled) for (const resolve of settle) resolve(true)
    this.#pumpSoon()
  }

  #finish(): void {
    this.#isOver = true
    for (const { settle } of [...this.#outstanding.splice(0), ...this.#waiting.splice(0)]) {
      for (const resolve of settle) resolve(false)
    }
  }
}

/** What goes in one message. */
interface Batch {
  readonly pieces: RecordedPiece[]
  readonly fromOrigin: boolean
  readonly settle: ((isAccepted: boolean) => void)[]
}

type RequestCase = NonNullable<MessageInitShape<typeof PieceDigestsRequestSchema>['request']>
