import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  AskReason,
  type ClientParams,
  type FollowRequest,
  FollowRequestSchema,
  type FollowResponse,
  type HeldTaskSchema,
  type PeerReportSchema,
} from '@damselfly/api/swarm'
import {
  abortable,
  type Clock,
  DfError,
  deadline,
  deferred,
  isDfError,
  type Log,
  linkSignals,
  type Random,
  sleep,
} from '@damselfly/core'
import { type BidiStream, openBidi } from '@damselfly/rpc'
import type { SchedulerLink } from './scheduler-pool.ts'

export type Report = MessageInitShape<typeof PeerReportSchema>
export type Held = MessageInitShape<typeof HeldTaskSchema>
type Request = NonNullable<
  Exclude<MessageInitShape<typeof FollowRequestSchema>, FollowRequest>['request']
>

export interface FollowingDeps {
  readonly hostId: string
  /** What this host holds, one message after another. */
  readonly inventory: () => Iterable<readonly Held[]>
  readonly announce: (link: SchedulerLink, signal: AbortSignal) => Promise<void>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** A peer wants other neighbours. */
export interface Ask {
  readonly peerId: string
  /** Peer ids of those that it has left. */
  readonly dropped: string[]
  readonly reason: keyof typeof reasons
}

const reasons = { starved: AskReason.STARVED, slow: AskReason.SLOW, lost: AskReason.LOST } as const

const answerWaitMs = 5_000
/** The pause after a stream broke; it doubles with each failure, so that a scheduler that comes back soon knows its hosts soon. */
const firstRetryMs = 100
const maxRetryMs = 2_000
/** A download does not wait longer for this host's inventory to be taken. */
const readyWaitMs = 2_000
/** Reports that wait; a scheduler that takes in nothing for so long learns the rest from the inventory. */
const maxWaiting = 1_000

/**
 * One Follow stream to one scheduler, opened again whenever it breaks: tells it what this host holds when it does not know,
 * then reports of this host's downloads, and passes on how they are to exchange pieces.
 */
export class SchedulerFollowing {
  readonly #link: SchedulerLink
  readonly #deps: FollowingDeps
  readonly #params = new Map<string, (params: ClientParams) => void>()
  #call: BidiStream<FollowRequest, FollowResponse> | undefined
  #waiting: Request[] = []
  #isPumping = false
  /** The scheduler that has this host's inventory. */
  #instance: string | undefined
  #isForeign = false
  #opened = deferred()

  constructor(link: SchedulerLink, deps: FollowingDeps) {
    this.#link = link
    this.#deps = deps
  }

  /** The scheduler knows this host and takes reports. */
  get isOpen(): boolean {
    return this.#call !== undefined
  }

  /** Resolves when the scheduler has this host's inventory, or does not take it soon. */
  async ready(signal: AbortSignal): Promise<void> {
    if (this.isOpen || this.#isForeign) return
    using limit = deadline(this.#deps.clock, readyWaitMs, () => late(this.#link))
    using linked = linkSignals(signal, limit.signal)
    await abortable(this.#opened.promise, linked.signal).catch(() => {})
    signal.throwIfAborted()
  }

  report(report: Report): void {
    this.#send({ case: 'reports', value: { reports: [report] } })
  }

  /** False when nobody takes the question. The answer comes to the peer's own stream. */
  askParents(ask: Ask): boolean {
    if (!this.isOpen) return false
    const { peerId, dropped, reason } = ask
    this.#send({ case: 'askParents', value: { peerId, dropped, reason: reasons[reason] } })
    return true
  }

  /** Is told how this peer is to exchange pieces; the returned function ends that. */
  onParams(peerId: string, told: (params: ClientParams) => void): () => void {
    this.#params.set(peerId, told)
    return () => {
      if (this.#params.get(peerId) === told) this.#params.delete(peerId)
    }
  }

  /** Keeps the stream open until the signal aborts or the scheduler turns out to be Dragonfly's. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#deps
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.#follow(signal, () => {
          failures = 0
        })
      } catch (err) {
        if (isDfError(err, 'Unimplemented')) this.#isForeign = true
        if (signal.aborted || this.#isForeign) break
        log.debug({ scheduler: this.#link.address, err }, 'following a scheduler ended')
        if (isDfError(err, 'HostNotFound')) await this.#announce(signal)
      }
      const pauseMs = Math.min(maxRetryMs, firstRetryMs * 2 ** failures)
      // The reason of an abort; there is no other failure.
      await sleep(clock, pauseMs * (0.5 + random.next()), signal).catch(() => {})
    }
    this.#opened.resolve()
  }

  async #announce(signal: AbortSignal): Promise<void> {
    // Whoever announces this host regularly says so when it fails.
    await this.#deps.announce(this.#link, signal).catch(() => {})
  }

  async #follow(signal: AbortSignal, onOpen: () => void): Promise<void> {
    const { clock, hostId } = this.#deps
    using limit = deadline(clock, answerWaitMs, () => late(this.#link))
    using linked = linkSignals(signal, limit.signal)
    const call = openBidi<FollowRequest, FollowResponse>(this.#link.swarm.follow, {
      signal: linked.signal,
    })
    let instance = ''
    let owed = 0n
    const post = (request: Request): Promise<void> =>
      call.send(create(FollowRequestSchema, { request }))
    const open = (): void => {
      limit[Symbol.dispose]()
      this.#instance = instance
      this.#call = call
      this.#opened.resolve()
      onOpen()
      this.#pump()
    }
    try {
      const greeting = post({ case: 'hello', value: { hostId } })
      greeting.catch(() => {})
      for await (const { response } of call.responses) {
        if (response.case === 'welcome') {
          instance = response.value.instance
          if (instance !== this.#instance) owed = await this.#tellInventory(post)
          if (owed === 0n) open()
        } else if (response.case === 'inventoryTaken') {
          if (response.value.count >= owed && this.#call === undefined) open()
        } else if (response.case === 'clientParams') {
          this.#params.get(response.value.peerId)?.(response.value)
        }
      }
    } finally {
      call.abort()
      this.#call = undefined
      this.#waiting = []
      if (!signal.aborted) this.#opened = deferred()
    }
  }

  /** How many messages it took. */
  async #tellInventory(post: (request: Request) => Promise<void>): Promise<bigint> {
    let count = 0n
    for (const tasks of this.#deps.inventory()) {
      await post({ case: 'inventory', value: { tasks: [...tasks] } })
      count += 1n
    }
    return count
  }

  #send(request: Request): void {
    if (!this.isOpen || this.#waiting.length >= maxWaiting) return
    this.#waiting.push(request)
    this.#pump()
  }

  /** What comes while a message is on its way goes together. */
  #pump(): void {
    const call = this.#call
    if (this.#isPumping || call === undefined || this.#waiting.length === 0) return
    this.#isPumping = true
    queueMicrotask(() => {
      const sending = gathered(this.#waiting.splice(0)).map((request) =>
        call.send(create(FollowRequestSchema, { request })),
      )
      Promise.all(sending)
        // The stream is over, which its reader tells.
        .catch(() => {})
        .finally(() => {
          this.#isPumping = false
          this.#pump()
        })
    })
  }
}

/** All reports in one message, before what is asked. */
function gathered(requests: readonly Request[]): Request[] {
  const reports = requests.flatMap((one) =>
    one.case === 'reports' ? (one.value.reports ?? []) : [],
  )
  const others = requests.filter((one) => one.case !== 'reports')
  return reports.length === 0 ? others : [{ case: 'reports', value: { reports } }, ...others]
}

const late = ({ address }: SchedulerLink): DfError =>
  new DfError('SchedulerUnavailable', `The scheduler at ${address} does not answer.`)
