import { DfError } from '@damselfly/core'
import { type PieceDigests, PieceHasher } from '@damselfly/core/hashing'
import type { Content } from '../media/medium.ts'
import { PieceSealer } from '../place/piece-cipher.ts'
import type { PieceFacts, PieceRecord, PieceReservation, PieceWriter } from '../store.ts'
import type { CrashPoint } from './crash-points.ts'

/** Larger writes to fresh pages are three times slower per byte (dataplane.md 3). */
const maxWriteBytes = 1024 * 1024

/** What a writer needs of its task. */
export interface PieceTarget {
  /** For messages: "piece 3 of task abc". */
  readonly name: string
  readonly reservation: PieceReservation
  /** The bytes of the task; throws when it is gone. */
  content(): Content
  /** Settles when the last write of an earlier, aborted writer of this piece has reached the content. */
  readonly earlierWrite: Promise<unknown> | undefined
  /** The writer is done; this write may still be under way. */
  strays(lastWrite: Promise<unknown>): void
  failed(error: unknown, content: Content): DfError
  readonly crash: CrashPoint
}

/** Writes one piece at its offset on this thread and hashes it meanwhile. */
export class InlinePieceWriter implements PieceWriter {
  readonly #target: PieceTarget
  readonly #hasher = new PieceHasher()
  readonly #sealer: PieceSealer | undefined
  #written = 0
  #digests: PieceDigests | undefined
  #lastWrite: Promise<void> | undefined
  /** Why nothing more can be written. */
  #ended: DfError | undefined

  constructor(target: PieceTarget) {
    this.#target = target
    const { key } = target.content()
    this.#sealer = key === undefined ? undefined : new PieceSealer(key)
  }

  get written(): number {
    return this.#written
  }

  get digests(): PieceDigests {
    this.#checkLength()
    this.#digests ??= this.#hasher.finish()
    return this.#digests
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#checkReady()
    const { name, reservation } = this.#target
    if (chunk.byteLength > reservation.length - this.#written) {
      const message = `The sender of ${name} sent more than its ${reservation.length} bytes.`
      const details = { length: reservation.length }
      throw this.#end(new DfError('PeerProtocol', message, { details }))
    }
    const writing = this.#store(chunk)
    this.#lastWrite = writing
    try {
      await writing
    } catch (error) {
      throw this.#end(DfError.from(error))
    } finally {
      this.#lastWrite = undefined
    }
  }

  async commit(facts: PieceFacts): Promise<PieceRecord> {
    this.#checkReady()
    const { name, reservation } = this.#target
    try {
      const { digests } = this
      const seal = this.#sealer?.finish()
      this.#ended = new DfError('Internal', `${name} is committed already.`)
      return await reservation.commit({
        ...facts,
        digests,
        ...(seal === undefined ? {} : { seal }),
      })
    } catch (error) {
      this.#ended = undefined
      throw this.#end(DfError.from(error))
    }
  }

  abort(): void {
    this.#end(new DfError('Internal', `Receiving ${this.#target.name} was aborted.`))
  }

  async #store(chunk: Uint8Array): Promise<void> {
    await this.#target.earlierWrite
    for (let start = 0; start < chunk.byteLength; start += maxWriteBytes) {
      await this.#storePart(chunk.subarray(start, start + maxWriteBytes))
      // An aborted writer must stop soon: the next writer of this piece waits for it.
      if (this.#ended !== undefined) throw this.#ended
    }
  }

  async #storePart(part: Uint8Array): Promise<void> {
    const { reservation, crash } = this.#target
    const content = this.#target.content()
    crash('write:before-part')
    const bytes = this.#sealer?.update(part) ?? part
    const writing = content.write(bytes, reservation.offset + this.#written)
    // While a thread of the pool writes, this one hashes.
    this.#hasher.update(part)
    this.#written += part.byteLength
    try {
      await writing
    } catch (error) {
      throw this.#target.failed(error, content)
    }
    crash('write:after-part')
  }

  #checkLength(): void {
    const { name, reservation } = this.#target
    if (this.#written === reservation.length) return
    const message = `The sender of ${name} sent ${this.#written} of its ${reservation.length} bytes.`
    const details = { length: reservation.length, sent: this.#written }
    throw new DfError('PeerProtocol', message, { details })
  }

  #checkReady(): void {
    if (this.#ended !== undefined) throw this.#ended
    if (this.#lastWrite === undefined) return
    const message = `A write of ${this.#target.name} was not awaited before the next call.`
    throw new DfError('Internal', message)
  }

  /** Returns the error that ended the writer first. */
  #end(reason: DfError): DfError {
    if (this.#ended !== undefined) return this.#ended
    this.#ended = reason
    if (this.#lastWrite !== undefined) this.#target.strays(this.#lastWrite)
    this.#target.reservation.abort()
    return reason
  }
}
