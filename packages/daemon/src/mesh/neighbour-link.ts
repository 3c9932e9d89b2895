import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  type ExchangeHello,
  type ExchangeHelloSchema,
  type ExchangeMessage,
  ExchangeMessageSchema,
} from '@damselfly/api/peer'
import { AsyncQueue, type CancelTimer, type Clock, DfError, deadline } from '@damselfly/core'
import type { SwarmMessage } from '../swarm/index.ts'
import { maxNumbers, toWire, type WireMessage } from './wire.ts'

export type Hello = MessageInitShape<typeof ExchangeHelloSchema>

export interface LinkHandlers {
  /** The neighbour has said who it is. May throw: then the link ends with that. */
  readonly onHello: (hello: ExchangeHello) => void
  /** Any later message. May throw. */
  readonly onMessage: (message: ExchangeMessage['message']) => void
  /** Once; no error when either side has closed it. */
  readonly onEnd: (error: DfError | undefined) => void
}

/** Pieces that arrive within this time are told in one message. */
const gatherMs = 10
/** Messages that a neighbour may leave unread; with more it has stopped reading. */
const maxUnread = 4_096
const helloWaitMs = 3_000
/** What a neighbour may say per second; ten times what a 100 Gbit/s swarm of small pieces would. */
const maxPerSec = 20_000

/**
 * One stream to one neighbour, whoever opened it: says hello, then passes messages on in their order. What this side sends waits in
 * `outbox`, which the owner of the stream empties.
 */
export class NeighbourLink {
  readonly outbox = new AsyncQueue<ExchangeMessage>(maxUnread)
  readonly #clock: Clock
  readonly #handlers: LinkHandlers
  readonly #controller = new AbortController()
  /** Pieces to be told of. */
  #have: number[] = []
  #cancelGather: CancelTimer | undefined
  #toldAt = Number.NEGATIVE_INFINITY
  #saidAt = Number.NEGATIVE_INFINITY
  #isOver = false
  #windowAt = Number.NEGATIVE_INFINITY
  #windowCount = 0

  constructor(clock: Clock, handlers: LinkHandlers) {
    this.#clock = clock
    this.#handlers = handlers
  }

  /** When the last message was sent. */
  get saidAt(): number {
    return this.#saidAt
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Aborts when the link is over. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  hello(hello: Hello): void {
    this.post({ message: { case: 'hello', value: hello } })
  }

  say(message: SwarmMessage): void {
    if (message.kind === 'have') this.#gather(message.pieces)
    else this.post(toWire(message))
  }

  /** Sends a message of the link itself. */
  post(message: WireMessage): void {
    this.#flush()
    if (this.#isOver) return
    this.#saidAt = this.#clock.monotonic()
    if (!this.outbox.push(create(ExchangeMessageSchema, message))) {
      this.end(new DfError('PeerUnavailable', 'The neighbour does not read what it is told.'))
    }
  }

  /** Reads until the stream ends. Never rejects. */
  async read(messages: AsyncIterable<ExchangeMessage>): Promise<void> {
    try {
      using limit = deadline(this.#clock, helloWaitMs, () => late())
      limit.signal.addEventListener('abort', () => this.end(late()), { once: true })
      let isKnown = false
      for await (const { message } of messages) {
        if (this.#isOver) return
        this.#countMessage()
        if (isKnown) this.#handlers.onMessage(message)
        else {
          if (message.case !== 'hello')
            throw new DfError('PeerProtocol', 'A neighbour gave no hello.')
          limit[Symbol.dispose]()
          isKnown = true
          this.#handlers.onHello(message.value)
        }
      }
      this.end()
    } catch (error) {
      this.end(DfError.from(error, 'PeerUnavailable'))
    }
  }

  /** What is in the outbox is still delivered. */
  end(error?: DfError): void {
    if (this.#isOver) return
    this.#flush()
    this.#isOver = true
    this.#cancelGather?.()
    if (error === undefined) this.outbox.close()
    else this.outbox.fail(error)
    this.#controller.abort(error ?? linkEnded)
    this.#handlers.onEnd(error)
  }

  /** At once when nothing was told for a while, else with what comes in the next moment. */
  #gather(pieces: readonly number[]): void {
    if (this.#isOver) return
    this.#have.push(...pieces)
    const waitMs = this.#toldAt + gatherMs - this.#clock.monotonic()
    if (waitMs <= 0 || this.#have.length >= maxNumbers / 2) this.#flush()
    else this.#cancelGather ??= this.#clock.schedule(waitMs, () => this.#flush())
  }

  #flush(): void {
    this.#cancelGather?.()
    this.#cancelGather = undefined
    if (this.#have.length === 0) return
    const pieces = this.#have
    this.#have = []
    this.#toldAt = this.#clock.monotonic()
    this.post(toWire({ kind: 'have', pieces }))
  }

  #countMessage(): void {
    const now = this.#clock.monotonic()
    if (now - this.#windowAt >= 1_000) {
      this.#windowAt = now
      this.#windowCount = 0
    }
    this.#windowCount += 1
    if (this.#windowCount > maxPerSec) {
      throw new DfError(
        'PeerProtocol',
        `The neighbour said more than ${maxPerSec} things in a second.`,
      )
    }
  }
}

/** One for all: nobody looks where it was made. */
const linkEnded = new DfError('PeerUnavailable', 'The link to the neighbour has ended.')

const late = (): DfError =>
  new DfError('PeerUnavailable', `The neighbour said nothing within ${helloWaitMs / 1000} s.`)
