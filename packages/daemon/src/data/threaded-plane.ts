import {
  type Clock,
  type DigestAlgorithm,
  deferred,
  type Log,
  linkSignals,
  type Running,
} from '@damselfly/core'
import type { ContentCopier, PieceFacts, StoredTask } from '@damselfly/storage'
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
import { DataThread } from './data-thread.ts'
import { Leases } from './leases.ts'
import { Readings } from './readings.ts'
import type { ReceiveMethods, SendMethods, ThreadSettings } from './thread-methods.ts'
import { threadedCopier } from './threaded-copier.ts'
import { threadedHasher } from './threaded-hasher.ts'

export interface ThreadedPlaneOptions {
  /** Threads that fetch pieces, from peers and origins. */
  readonly receiveThreads: number
  readonly settings: ThreadSettings
}

export interface ThreadedPlaneDeps {
  readonly clock: Clock
  readonly log: Log
  /** For what is not worth a thread, and what no other thread can reach. */
  readonly inline: DataPlane
}

/** Less than this is received faster than another thread is told of it. */
const smallBytes = 64 * 1024

type Receiver = DataThread<ReceiveMethods>

/** Pieces flow on threads of their own: some that receive, one that sends. */
export class ThreadedPlane implements DataPlane {
  readonly #options: ThreadedPlaneOptions
  readonly #deps: ThreadedPlaneDeps
  readonly #receivers: (Receiver | undefined)[]
  readonly #readings = new Readings()

  /** Threads start when they are first needed, or with `warm`. */
  constructor(options: ThreadedPlaneOptions, deps: ThreadedPlaneDeps) {
    this.#options = options
    this.#deps = deps
    this.#receivers = Array.from({ length: options.receiveThreads }, () => undefined)
  }

  /** Starts the receiving threads before the first piece needs them. */
  warm(): void {
    for (let slot = 0; slot < this.#receivers.length; slot++) this.#receiver(slot)
  }

  async receive(order: PieceOrder, signal: AbortSignal): Promise<ArrivedPiece> {
    const { peer, stored, number, isBackground, isSecond } = order
    if (isSecond || !isForThreads(stored)) return await this.#deps.inline.receive(order, signal)
    const reservation = stored.reserve(number)
    try {
      const { offset, length, place } = reservation
      const { taskId } = stored.spec
      const asked = { peer, taskId, number, isBackground }
      const argument = { ...asked, place, span: { offset, length } }
      const { header, ...measured } = await this.#idlest().calls.call('receive', argument, signal)
      return {
        header,
        digests: measured.digests,
        commit: (facts: PieceFacts) => reservation.commit({ ...facts, ...measured }),
        abort: () => reservation.abort(),
      }
    } catch (error) {
      reservation.abort()
      throw error
    }
  }

  async readSource(order: SourceOrder, desk: BodyDesk, signal: AbortSignal): Promise<void> {
    if (!isForThreads(order.stored)) return await this.#deps.inline.readSource(order, desk, signal)
    const { request, options, geometry } = order
    const { reading, signal: failed, end } = this.#readings.start(order, desk)
    using either = linkSignals(signal, failed)
    const argument = { reading, url: request.url.href, header: request.header, options, geometry }
    try {
      await this.#idlest().calls.call('readSource', argument, either.signal)
    } finally {
      await end()
    }
  }

  hasher(algorithm: DigestAlgorithm): ContentHasher {
    return threadedHasher(algorithm, this.#idlest().calls)
  }

  copier(stored: StoredTask): ContentCopier | undefined {
    if (!isForThreads(stored)) return this.#deps.inline.copier(stored)
    return threadedCopier(stored, (piece) => this.#idlest().calls.call('copy', piece))
  }

  async serve(options: ServeOptions, desk: UploadDesk): Promise<PieceServing> {
    const closed = deferred()
    const leases = new Leases(desk)
    const thread = new DataThread<SendMethods>(
      { role: 'send', ...this.#options.settings },
      leases.methods,
      {
        log: this.#deps.log,
        onDeath: (error) => {
          leases.releaseAll()
          closed.reject(error)
        },
      },
    )
    let stopping: Promise<void> | undefined
    const stop = (): Promise<void> => {
      stopping ??= thread.stop(this.#deps.clock, options.graceMs).finally(() => {
        leases.releaseAll()
        closed.resolve()
      })
      return stopping
    }
    try {
      const endpoints = await thread.calls.call('serve', options)
      const running: Running = { closed: closed.promise, stop, [Symbol.asyncDispose]: stop }
      return { ...running, ...endpoints }
    } catch (error) {
      await stop()
      throw error
    }
  }

  async close(): Promise<void> {
    const threads = this.#receivers.filter((thread) => thread !== undefined)
    await Promise.all(threads.map((thread) => thread.stop(this.#deps.clock, 0)))
    await this.#deps.inline.close()
  }

  #idlest(): Receiver {
    const load = (slot: number): number => this.#receivers[slot]?.calls.pending ?? 0
    let best = 0
    for (let slot = 1; slot < this.#receivers.length; slot++) {
      if (load(slot) < load(best)) best = slot
    }
    return this.#receiver(best)
  }

  #receiver(slot: number): Receiver {
    const running = this.#receivers[slot]
    if (running !== undefined) return running
    const thread: Receiver = new DataThread<ReceiveMethods>(
      { role: 'receive', ...this.#options.settings },
      this.#readings.methods,
      {
        log: this.#deps.log,
        // The next piece starts another one.
        onDeath: () => {
          if (this.#receivers[slot] === thread) this.#receivers[slot] = undefined
        },
      },
    )
    this.#receivers[slot] = thread
    return thread
  }
}

function isForThreads({ place, spec }: StoredTask): boolean {
  return place.kind !== 'here' && spec.contentLength > smallBytes
}
