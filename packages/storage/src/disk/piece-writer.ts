import { Crc32, DfError, type DiskFile, formatCrc32 } from '@damselfly/core'
import type { PieceFacts, PieceRecord, PieceWriter } from '../store.ts'
import { diskError } from './disk-errors.ts'
import type { PinnedFile } from './open-files.ts'

/** Larger writes to fresh pages are three times slower per byte (dataplane.md 3). */
const maxWriteBytes = 1024 * 1024

/** What a writer needs of its task. */
export interface PieceTarget {
  readonly path: string
  /** For messages: "piece 3 of task abc". */
  readonly name: string
  readonly offset: number
  readonly length: number
  pin(): Promise<PinnedFile>
  /** Settles when the last write of an earlier, aborted writer of this piece has reached the file. */
  readonly earlierWrite: Promise<unknown> | undefined
  record(crc32: number, facts: PieceFacts): PieceRecord
  /** The writer is done; `lastWrite` may still be under way. */
  released(lastWrite: Promise<unknown> | undefined): void
}

/** Writes one piece at its offset and computes its CRC-32 meanwhile. */
export class DiskPieceWriter implements PieceWriter {
  readonly #target: PieceTarget
  readonly #crc32 = new Crc32()
  #written = 0
  #lastWrite: Promise<void> | undefined
  /** Why nothing more can be written. */
  #ended: DfError | undefined

  constructor(target: PieceTarget) {
    this.#target = target
  }

  get written(): number {
    return this.#written
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#checkReady()
    const { name, length } = this.#target
    if (chunk.byteLength > length - this.#written) {
      const message = `The sender of ${name} sent more than its ${length} bytes.`
      throw this.#end(new DfError('PeerProtocol', message, { details: { length } }))
    }
    const writing = this.#store(chunk)
    this.#lastWrite = writing
    try {
      await writing
    } catch (error) {
      throw this.#end(diskError(error, `Writing ${name}`, this.#target.path))
    } finally {
      this.#lastWrite = undefined
    }
  }

  async commit(facts: PieceFacts): Promise<PieceRecord> {
    this.#checkReady()
    const { name, length } = this.#target
    try {
      if (this.#written !== length) {
        const message = `The sender of ${name} sent ${this.#written} of its ${length} bytes.`
        throw new DfError('PeerProtocol', message, { details: { length, sent: this.#written } })
      }
      checkDigest(name, this.#crc32.value, facts)
      const record = this.#target.record(this.#crc32.value, facts)
      this.#end(new DfError('Internal', `${name} is committed already.`))
      return record
    } catch (error) {
      throw this.#end(diskError(error, `Recording ${name}`, this.#target.path))
    }
  }

  abort(): void {
    this.#end(new DfError('Internal', `Receiving ${this.#target.name} was aborted.`))
  }

  async #store(chunk: Uint8Array): Promise<void> {
    await this.#target.earlierWrite
    using pinned = await this.#target.pin()
    for (let start = 0; start < chunk.byteLength; start += maxWriteBytes) {
      await this.#storePart(pinned.file, chunk.subarray(start, start + maxWriteBytes))
      // An aborted writer must stop soon: the next writer of this piece waits for it.
      if (this.#ended !== undefined) throw this.#ended
    }
  }

  async #storePart(file: DiskFile, part: Uint8Array): Promise<void> {
    const writing = file.write(part, this.#target.offset + this.#written)
    // While a thread of the pool writes, this one hashes.
    this.#crc32.update(part)
    this.#written += part.byteLength
    await writing
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
    this.#target.released(this.#lastWrite)
    return reason
  }
}

function checkDigest(name: string, crc32: number, { expectedDigest }: PieceFacts): void {
  if (expectedDigest === undefined) return
  const actual = formatCrc32(crc32)
  const match = /^crc32:(\d{1,10})$/.exec(expectedDigest)
  if (match === null) {
    throw new DfError(
      'InvalidArgument',
      `The digest "${expectedDigest}" of ${name} cannot be checked: expected crc32:<decimal>.`,
    )
  }
  // By value: some peers pad the number to ten digits.
  if (Number(match[1]) === crc32) return
  throw new DfError(
    'PieceCorrupt',
    `The bytes of ${name} are corrupt: expected ${expectedDigest}, received ${actual}.`,
    { details: { expected: expectedDigest, actual } },
  )
}
