import { type Clock, DfError } from '@damselfly/core'
import { FairShares } from './fair-shares.ts'
import type { TaskFamily } from './piece.ts'
import type { RateLimit } from './rate-limit.ts'

/** A piece that a child has asked for. */
export interface Upload {
  /** Address of the child. */
  readonly child: string
  readonly family: TaskFamily
  readonly taskId: string
  readonly number: number
  /** Others come first. */
  readonly isBackground: boolean
}

export interface UploadGovernorOptions {
  /** Pieces being sent at once; at most half of them to one child, so that no child can keep all others waiting. */
  readonly slots: number
  /** Pieces that may wait for a slot; one more is `Overloaded`. */
  readonly maxWaiting: number
}

export interface UploadGovernorDeps {
  readonly clock: Clock
  /** All limits that bind an upload, the total one included: each byte has to pass all of them. */
  readonly limits?: ((upload: Upload) => readonly RateLimit[]) | undefined
}

export interface UploadGovernorStats {
  readonly sending: number
  readonly waiting: number
  /** Pieces that were refused because too many waited. */
  readonly refused: number
}

/** The right to send one piece, chunk by chunk. */
export interface UploadTurn {
  /** How large the next chunk should be at most. */
  readonly chunkBytes: number
  /** Returns a promise only when the chunk has to wait; rejects with the signal's reason. */
  take(bytes: number, signal: AbortSignal): Promise<void> | undefined
  /** The piece has been sent, or not. Once. */
  leave(): void
}

interface Turn {
  readonly upload: Upload
  readonly limits: readonly RateLimit[]
}

interface Waiter {
  readonly turn: Turn
  /** 0 for a slot. */
  readonly bytes: number
  readonly grant: () => void
  readonly refuse: (error: DfError) => void
}

const maxChunkBytes = 1024 * 1024

/**
 * Decides who may send what and when. A piece needs a slot, and each of its chunks has to pass all limits that bind it. When
 * slots or bandwidth are short, the foreground goes before the background, then the child that had least, then its task
 * that had least. A chunk that waits for one limit does not hold back those that do not need that limit.
 */
export class UploadGovernor {
  readonly #options: UploadGovernorOptions
  readonly #deps: UploadGovernorDeps
  readonly #shares = new FairShares()
  readonly #slotLine = new Set<Waiter>()
  readonly #byteLine = new Set<Waiter>()
  #sending = 0
  #refused = 0
  #cancelTimer: (() => void) | undefined

  constructor(options: UploadGovernorOptions, deps: UploadGovernorDeps) {
    this.#options = options
    this.#deps = deps
  }

  get stats(): UploadGovernorStats {
    return { sending: this.#sending, waiting: this.#slotLine.size, refused: this.#refused }
  }

  /**
   * Waits for a slot. Throws `Overloaded` at once when too many wait: who is refused now can ask somebody else. The signal's
   * reason when it aborts.
   */
  async enter(upload: Upload, signal: AbortSignal): Promise<UploadTurn> {
    signal.throwIfAborted()
    const turn = { upload, limits: this.#deps.limits?.(upload) ?? [] }
    const isFree = this.#hasSlotFor(upload)
    if (!isFree && this.#slotLine.size >= this.#options.maxWaiting) this.#makeRoom(upload)
    this.#shares.join(upload)
    if (isFree) this.#occupy(turn)
    else {
      try {
        await this.#wait(this.#slotLine, { turn, bytes: 0 }, signal)
      } catch (error) {
        this.#shares.leave(upload)
        throw error
      }
    }
    return this.#turn(turn)
  }

  #hasSlotFor({ child }: Upload): boolean {
    const { slots } = this.#options
    return this.#sending < slots && this.#shares.slotsOf(child) < Math.ceil(slots / 2)
  }

  /** The background gives way; else who came last is refused. */
  #makeRoom(newcomer: Upload): void {
    const error = new DfError(
      'Overloaded',
      `${this.#slotLine.size} pieces wait to be sent already.`,
    )
    this.#refused += 1
    const background = [...this.#slotLine].filter(({ turn }) => turn.upload.isBackground)
    const victim = newcomer.isBackground ? undefined : background.at(-1)
    if (victim === undefined) throw error
    this.#slotLine.delete(victim)
    victim.refuse(error)
  }

  #turn(turn: Turn): UploadTurn {
    const chunkBytes = (): number =>
      Math.min(maxChunkBytes, ...turn.limits.map((limit) => limit.chunkBytes))
    return {
      get chunkBytes() {
        return chunkBytes()
      },
      take: (bytes, signal) => this.#take(turn, bytes, signal),
      leave: () => this.#leave(turn),
    }
  }

  #occupy({ upload }: Turn): void {
    this.#sending += 1
    this.#shares.countSlots(upload, 1)
  }

  #leave({ upload }: Turn): void {
    this.#sending -= 1
    this.#shares.countSlots(upload, -1)
    this.#shares.leave(upload)
    const line = [...this.#slotLine].filter(({ turn }) => this.#hasSlotFor(turn.upload))
    const next = best(line, (a, b) => this.#shares.compareSlots(a, b))
    if (next === undefined) return
    this.#slotLine.delete(next)
    this.#occupy(next.turn)
    next.grant()
  }

  #take(turn: Turn, bytes: number, signal: AbortSignal): Promise<void> | undefined {
    // Without limits there is nothing to wait for, and in whose turn it is the kernel decides.
    if (turn.limits.length === 0) return undefined
    if (this.#byteLine.size === 0 && turn.limits.every((limit) => limit.waitMs(bytes) === 0)) {
      this.#pass(turn, bytes)
      return undefined
    }
    this.#shares.beginToWait(turn.upload)
    return this.#waitForBytes(turn, bytes, signal)
  }

  async #waitForBytes(turn: Turn, bytes: number, signal: AbortSignal): Promise<void> {
    const pump = (): void => this.#pump()
    const removers = turn.limits.map((limit) => limit.changes.add(pump))
    try {
      const waiting = this.#wait(this.#byteLine, { turn, bytes }, signal)
      this.#pump()
      await waiting
    } finally {
      for (const remove of removers) remove()
    }
  }

  #pass({ upload, limits }: Turn, bytes: number): void {
    for (const limit of limits) limit.spend(bytes)
    this.#shares.serve(upload, bytes)
  }

  #wait(
    line: Set<Waiter>,
    who: Pick<Waiter, 'turn' | 'bytes'>,
    signal: AbortSignal,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        line.delete(waiter)
        this.#pump()
        reject(signal.reason)
      }
      const grant = (): void => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      const refuse = (error: DfError): void => {
        signal.removeEventListener('abort', onAbort)
        reject(error)
      }
      const waiter: Waiter = { ...who, grant, refuse }
      if (signal.aborted) {
        reject(signal.reason)
        return
      }
      signal.addEventListener('abort', onAbort, { once: true })
      line.add(waiter)
    })
  }

  /** Lets all chunks pass that may, and sets the timer for the next one. */
  #pump(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    for (;;) {
      const { next, waitMs } = this.#nextChunk()
      if (next === undefined) {
        if (waitMs === Number.POSITIVE_INFINITY) return
        const delayMs = Math.max(1, Math.ceil(waitMs))
        this.#cancelTimer = this.#deps.clock.schedule(delayMs, () => this.#pump())
        return
      }
      this.#byteLine.delete(next)
      this.#pass(next.turn, next.bytes)
      next.grant()
    }
  }

  /** The chunk that may pass now, or how long until there will be one. */
  #nextChunk(): { next?: Waiter; waitMs: number } {
    const line = [...this.#byteLine].sort((a, b) =>
      compare(a, b, (x, y) => this.#shares.compareBytes(x, y)),
    )
    // What somebody before waits for is not taken away by those behind.
    const reserved = new Set<RateLimit>()
    let waitMs = Number.POSITIVE_INFINITY
    for (const waiter of line) {
      const { limits } = waiter.turn
      if (limits.some((limit) => reserved.has(limit))) continue
      const short = limits.filter((limit) => limit.waitMs(waiter.bytes) > 0)
      if (short.length === 0) return { next: waiter, waitMs: 0 }
      for (const limit of short) reserved.add(limit)
      waitMs = Math.min(waitMs, Math.max(...short.map((limit) => limit.waitMs(waiter.bytes))))
    }
    return { waitMs }
  }
}

type CompareUploads = (a: Upload, b: Upload) => number

function compare(a: Waiter, b: Waiter, compareShares: CompareUploads): number {
  const rank = Number(a.turn.upload.isBackground) - Number(b.turn.upload.isBackground)
  return rank || compareShares(a.turn.upload, b.turn.upload)
}

/** The first of the best. */
function best(line: Iterable<Waiter>, compareShares: CompareUploads): Waiter | undefined {
  let found: Waiter | undefined
  for (const waiter of line) {
    if (found === undefined || compare(waiter, found, compareShares) < 0) found = waiter
  }
  return found
}
