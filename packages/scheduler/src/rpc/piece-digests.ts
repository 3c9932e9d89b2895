import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  DigestsRecord,
  PieceDigestSchema,
  PieceDigestsRequest,
  PieceDigestsResponseSchema,
  Swarm,
  PieceDigest as WireDigest,
} from '@damselfly/api/swarm'
import {
  asHostId,
  asTaskId,
  type CancelTimer,
  type Deferred,
  DfError,
  deferred,
  type TaskId,
} from '@damselfly/core'
import type { ServiceImpl } from '@damselfly/rpc'
import type { DigestsEffect } from '../core/effects.ts'
import type { PieceDigest } from '../core/facts.ts'
import type { Driver, EffectSink } from '../driver.ts'
import { invalid } from './mapping.ts'

type Response = MessageInitShape<typeof PieceDigestsResponseSchema>

/** Pieces in one message at most: about 45 KiB. */
const MAX_PIECES_PER_MESSAGE = 1024
/** Contradicted pieces that a caller may leave unread; more means that it has stopped reading. */
const MAX_CONTRADICTIONS = 10_000

/**
 * A message costs this process about 50 us, and there is one for each watcher: with many of them, news of single pieces would
 * be all that it does. So each waits this long after a message, for each watcher there is, before more news follows.
 */
const PAUSE_PER_WATCHER_MS = 0.2
const MAX_PAUSE_MS = 500

/** One stream for each download: records come in, what others recorded goes out. It ends when the caller ends it. */
export function pieceDigests(driver: Driver): ServiceImpl<typeof Swarm>['pieceDigests'] {
  return async function* (requests) {
    const stream = new DigestsStream(driver)
    driver.digests.set(stream.id, stream)
    void stream.read(requests)
    try {
      yield* stream.responses()
    } finally {
      stream.close()
      driver.digests.delete(stream.id)
      driver.apply({ type: 'digestsClosed', callId: stream.id })
    }
  }
}

/**
 * It keeps no queue of news but its place in the task's list, so a caller that reads slowly gets larger messages later, and
 * one that does not read costs no memory. Whatever comes within one turn of the event loop is one message.
 */
class DigestsStream implements EffectSink<DigestsEffect> {
  readonly id: number
  readonly #driver: Driver
  #taskId: TaskId | undefined
  #cursor = 0
  #accepted = 0n
  #acceptedTold = 0n
  readonly #contradicted = new Set<number>()
  #end: { readonly error?: unknown } | undefined
  #bell: Deferred<void> = deferred()
  #isRinging = false
  #lastMessageAt = Number.NEGATIVE_INFINITY
  #cancelNews: CancelTimer | undefined

  constructor(driver: Driver) {
    this.#driver = driver
    this.id = driver.nextCallId()
  }

  /** Never rejects: what goes wrong ends the call. */
  async read(requests: AsyncIterable<PieceDigestsRequest>): Promise<void> {
    try {
      for await (const request of requests) {
        this.#receive(request)
        if (this.#end !== undefined) return
      }
      this.#finish({})
    } catch (error) {
      this.#finish({ error })
    }
  }

  deliver(effect: DigestsEffect): void {
    switch (effect.type) {
      case 'digestsLearned':
        // Whoever still has what does not hold would take good bytes for bad ones.
        if (effect.isCorrection) break
        this.#ringForNews(effect.callIds.length)
        return
      case 'digestsContradicted':
        for (const number of effect.numbers) this.#contradicted.add(number)
        if (this.#contradicted.size > MAX_CONTRADICTIONS) {
          this.#finish({
            error: new DfError('Overloaded', 'The caller does not read its answers.'),
          })
        }
        break
      case 'digestsEnded':
        this.#finish({ error: effect.error })
        break
      default:
        effect satisfies never
    }
    this.#ring()
  }

  close(): void {
    this.#cancelNews?.()
  }

  async *responses(): AsyncGenerator<Response> {
    for (;;) {
      const end = this.#end
      if (end !== undefined && 'error' in end) throw end.error
      const response = this.#next()
      if (response !== undefined) yield response
      else if (end !== undefined) return
      else await this.#bell.promise
      this.#bell = deferred()
    }
  }

  #receive({ request }: PieceDigestsRequest): void {
    switch (request.case) {
      case 'watch': {
        if (this.#taskId !== undefined) throw invalid('A stream watches one task only.')
        const taskId = asTaskId(request.value.taskId)
        const hostId = asHostId(request.value.hostId)
        this.#taskId = taskId
        this.#driver.apply({ type: 'digestsWatched', callId: this.id, taskId, hostId })
        break
      }
      case 'record': {
        if (this.#taskId === undefined) throw invalid('The stream has not said what it watches.')
        this.#driver.apply({ type: 'digestsRecorded', callId: this.id, ...fromWire(request.value) })
        this.#accepted += 1n
        this.#ring()
        break
      }
      default:
    }
  }

  /** What is to be said now, if anything. A record counts as accepted no sooner than what contradicts it is told. */
  #next(): Response | undefined {
    const taskId = this.#taskId
    if (taskId === undefined) return undefined
    const { core } = this.#driver
    const pieces = [...this.#contradicted].map((n) => core.digest(taskId, n)).filter(isKnown)
    this.#contradicted.clear()
    const news = core.digestsFrom(taskId, this.#cursor, {
      except: this.id,
      max: MAX_PIECES_PER_MESSAGE,
    })
    this.#cursor = news.cursor
    pieces.push(...news.pieces)
    if (pieces.length === 0 && this.#accepted === this.#acceptedTold) return undefined
    this.#acceptedTold = this.#accepted
    this.#lastMessageAt = this.#driver.clock.monotonic()
    return { pieces: pieces.map(toWire), accepted: this.#accepted }
  }

  #finish(end: { readonly error?: unknown }): void {
    this.#end ??= end
    this.#ring()
  }

  /** Not everybody at the same time: the pauses differ by up to half. */
  #ringForNews(watchers: number): void {
    if (this.#cancelNews !== undefined) return
    const { clock } = this.#driver
    const pauseMs = Math.min(MAX_PAUSE_MS, watchers * PAUSE_PER_WATCHER_MS)
    const spread = 1 + (this.id % 16) / 32
    const waitMs = this.#lastMessageAt + pauseMs * spread - clock.monotonic()
    if (waitMs < 1) this.#ring()
    else this.#cancelNews = clock.schedule(waitMs, () => this.#ring())
  }

  #ring(): void {
    this.#cancelNews?.()
    this.#cancelNews = undefined
    if (this.#isRinging) return
    this.#isRinging = true
    setImmediate(() => {
      this.#isRinging = false
      this.#bell.resolve()
    })
  }
}

const isKnown = (piece: PieceDigest | undefined): piece is PieceDigest => piece !== undefined

function fromWire({ pieces, fromOrigin }: DigestsRecord) {
  return { pieces: pieces.map(fromWireDigest), fromOrigin }
}

function fromWireDigest({ number, blake3, crc32 }: WireDigest): PieceDigest {
  return { number, blake3: blake3.byteLength === 0 ? undefined : blake3, crc32 }
}

function toWire({
  number,
  blake3,
  crc32,
}: PieceDigest): MessageInitShape<typeof PieceDigestSchema> {
  return {
    number,
    ...(blake3 === undefined ? {} : { blake3 }),
    ...(crc32 === undefined ? {} : { crc32 }),
  }
}
