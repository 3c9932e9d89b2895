import {
  AsyncQueue,
  abortable,
  type Clock,
  DfError,
  deadline,
  type Log,
  linkSignals,
  type TaskId,
} from '@damselfly/core'

export interface GoneNoticesDeps {
  /** Tells whoever counts on this host having the task that it has not. */
  readonly tell: (taskId: TaskId, signal: AbortSignal) => Promise<void>
  readonly clock: Clock
  readonly log: Log
}

const maxWaiting = 10_000
const atATime = 4
const answerDeadlineMs = 5_000

/**
 * Tells the scheduler of deletions behind their backs: a scheduler that is away must not keep a full disk full. Bounded; what is not
 * told is found out by children, who are answered "no such piece" and go elsewhere.
 */
export class GoneNotices {
  readonly #deps: GoneNoticesDeps
  readonly #queue = new AsyncQueue<TaskId>(maxWaiting)
  readonly #stop = new AbortController()
  readonly #workers: Promise<void>[]
  /** Since the last one that got through. */
  #lost = 0

  constructor(deps: GoneNoticesDeps) {
    this.#deps = deps
    this.#workers = Array.from({ length: atATime }, () => this.#work())
  }

  push(taskId: TaskId): void {
    if (!this.#queue.push(taskId)) this.#isLost(taskId)
  }

  /** What waits is not told any more. */
  async stop(): Promise<void> {
    this.#queue.close()
    this.#stop.abort()
    await Promise.all(this.#workers)
  }

  async #work(): Promise<void> {
    for await (const taskId of this.#queue) {
      if (this.#stop.signal.aborted) return
      await this.#tell(taskId)
    }
  }

  async #tell(taskId: TaskId): Promise<void> {
    const { clock, tell } = this.#deps
    using timeout = deadline(clock, answerDeadlineMs, () => new DfError('Timeout', noAnswer))
    using linked = linkSignals(this.#stop.signal, timeout.signal)
    try {
      await abortable(tell(taskId, linked.signal), linked.signal)
      this.#lost = 0
    } catch (err) {
      if (!this.#stop.signal.aborted) this.#isLost(taskId, err)
    }
  }

  #isLost(taskId: TaskId, err?: unknown): void {
    this.#lost += 1
    // One line per trouble, not per task.
    if (this.#lost === 1)
      this.#deps.log.warn({ taskId, err }, 'the scheduler was not told of deleted tasks')
  }
}

const noAnswer = 'The scheduler did not answer in time.'
