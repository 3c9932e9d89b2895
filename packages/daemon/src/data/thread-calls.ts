import { type Deferred, DfError, deferred } from '@damselfly/core'
import { fromPlain, type PlainError, toPlain } from './plain-error.ts'

/** One end of a channel between two threads; `MessagePort` and `Worker` have this shape. */
export interface ThreadPort {
  postMessage(message: unknown): void
  on(event: 'message', listener: (message: ThreadMessage) => void): unknown
}

export type ThreadMessage =
  | {
      readonly type: 'call'
      readonly id: number
      readonly name: string
      readonly argument: unknown
    }
  | { readonly type: 'tell'; readonly name: string; readonly argument: unknown }
  | { readonly type: 'abort'; readonly id: number }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly error: PlainError }

/** What one side answers, by name: argument in, promise of the answer out. */
export type Methods = Readonly<Record<string, (argument: never, signal: AbortSignal) => unknown>>

type Argument<M> = M extends (argument: infer A, signal: AbortSignal) => unknown ? A : never
type Answer<M> = M extends (argument: never, signal: AbortSignal) => infer R ? Awaited<R> : never

/**
 * Questions and answers between two threads: each side answers what the other one calls. Arguments and answers are
 * copied by structured clone, errors keep their code. When a call is aborted the other side is told, and the caller waits
 * until it has answered: whatever it worked on is free again then.
 */
export class ThreadCalls<Remote extends Methods> {
  readonly #port: ThreadPort
  readonly #local: Methods
  readonly #asked = new Map<number, Deferred<unknown>>()
  readonly #answering = new Map<number, AbortController>()
  #lastId = 0
  #broken: DfError | undefined

  constructor(port: ThreadPort, local: Methods) {
    this.#port = port
    this.#local = local
    port.on('message', (message) => this.#onMessage(message))
  }

  /** Calls that have no answer yet. */
  get pending(): number {
    return this.#asked.size
  }

  async call<K extends keyof Remote & string>(
    name: K,
    argument: Argument<Remote[K]>,
    signal?: AbortSignal,
  ): Promise<Answer<Remote[K]>> {
    signal?.throwIfAborted()
    if (this.#broken !== undefined) throw this.#broken
    this.#lastId += 1
    const id = this.#lastId
    const answer = deferred<unknown>()
    this.#asked.set(id, answer)
    const onAbort = (): void => this.#port.postMessage({ type: 'abort', id })
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      this.#port.postMessage({ type: 'call', id, name, argument })
      return (await answer.promise) as Answer<Remote[K]>
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason
      throw error
    } finally {
      signal?.removeEventListener('abort', onAbort)
      this.#asked.delete(id)
    }
  }

  /** Says something that needs no answer. */
  tell<K extends keyof Remote & string>(name: K, argument: Argument<Remote[K]>): void {
    if (this.#broken === undefined) this.#port.postMessage({ type: 'tell', name, argument })
  }

  /** The other side is gone: calls under way and later ones fail, and what it asked for is aborted. */
  break(error: DfError): void {
    this.#broken ??= error
    for (const answer of this.#asked.values()) answer.reject(error)
    for (const controller of this.#answering.values()) controller.abort(error)
  }

  #onMessage(message: ThreadMessage): void {
    switch (message.type) {
      case 'call':
        void this.#answer(message)
        break
      case 'tell':
        this.#method(message.name)(message.argument as never, new AbortController().signal)
        break
      case 'abort':
        this.#answering.get(message.id)?.abort()
        break
      case 'answer':
        this.#asked.get(message.id)?.resolve(message.value)
        break
      case 'failure':
        this.#asked.get(message.id)?.reject(fromPlain(message.error))
        break
      default:
        message satisfies never
    }
  }

  async #answer({ id, name, argument }: ThreadMessage & { type: 'call' }): Promise<void> {
    const controller = new AbortController()
    this.#answering.set(id, controller)
    try {
      const value = await this.#method(name)(argument as never, controller.signal)
      this.#port.postMessage({ type: 'answer', id, value })
    } catch (error) {
      this.#port.postMessage({ type: 'failure', id, error: toPlain(error) })
    } finally {
      this.#answering.delete(id)
    }
  }

  #method(name: string): Methods[string] {
    const method = this.#local[name]
    if (method === undefined) throw new DfError('Internal', `A thread has no method "${name}".`)
    return method
  }
}
