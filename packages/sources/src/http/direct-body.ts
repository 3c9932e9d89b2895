import type { IncomingMessage } from 'node:http'
import type { Intake } from './intake.ts'

interface Chunk {
  readonly bytes: Uint8Array
  readonly done: () => void
}

/** The body of an answer past Node's parser, which hears of the bytes after their reader has. */
export class DirectBody implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #answer: IncomingMessage
  readonly #intake: Intake
  readonly #queue: Chunk[] = []
  /** Bytes that have not come yet, and that have not been handed out yet. */
  #missing: number
  #left: number
  #held: Chunk | undefined
  #isEcho = false
  #wake: (() => void) | undefined
  #failure: unknown

  constructor(answer: IncomingMessage, intake: Intake, length: number) {
    this.#answer = answer
    this.#intake = intake
    this.#missing = length
    this.#left = length
    // What came together with the head.
    answer.on('data', (bytes: Uint8Array) => {
      if (!this.#isEcho) this.#came(bytes, () => {})
    })
    answer.once('error', (error) => this.#end(error))
    answer.once('close', () => this.#end(new Error('the answer was closed')))
    intake.divert((bytes, done) => this.#came(bytes, done))
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#release()
    for (;;) {
      if (this.#left === 0) return { done: true, value: undefined }
      const chunk = this.#queue.shift()
      if (chunk !== undefined) {
        this.#held = chunk
        this.#left -= chunk.bytes.length
        return { done: false, value: chunk.bytes }
      }
      if (this.#failure !== undefined) throw this.#failure
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        this.#intake.resume()
      })
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#left === 0) this.#release()
    else this.#answer.destroy()
    return { done: true, value: undefined }
  }

  #came(bytes: Uint8Array, done: () => void): void {
    const wanted = Math.min(bytes.length, this.#missing)
    this.#missing -= wanted
    this.#queue.push({ bytes: bytes.subarray(0, wanted), done })
    this.#wakeUp()
  }

  #release(): void {
    const held = this.#held
    this.#held = undefined
    if (held === undefined) return
    if (this.#left === 0) this.#intake.divert(undefined)
    this.#isEcho = true
    held.done()
    this.#isEcho = false
  }

  #end(failure: unknown): void {
    this.#failure ??= failure
    this.#wakeUp()
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}
