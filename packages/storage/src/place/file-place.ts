import * as fs from 'node:fs'
import { errorCode } from '@damselfly/core'
import { diskError } from '../disk-errors.ts'
import type { ContentPlace, PlacedSpan } from './content-place.ts'
import {
  AlignedDirectWriter,
  type DirectTarget,
  directAlignment,
  writeQueue,
} from './direct-writer.ts'
import type { DirectWriter, OpenPlace } from './open-place.ts'
import { writeBack } from './write-back.ts'

const direct = fs.constants.O_DIRECT

/** A content file, read, written and written directly through descriptors of their own. */
export class FilePlace implements OpenPlace {
  readonly #path: string
  readonly #writing: 'direct' | 'auto' | 'back' | undefined
  #reading: number | undefined
  #writable: number | undefined
  /** `null` when the file system has no direct writes. */
  #directly: number | null | undefined
  /** Direct writes under way; none of them rejects. */
  readonly #underWay = new Set<Promise<void>>()

  constructor({ path, writing }: Extract<ContentPlace, { kind: 'file' }>) {
    this.#path = path
    this.#writing = writing
  }

  read(buffer: Uint8Array, offset: number): number {
    return this.#attempt('Reading', () => {
      // An export may have made the file read-only, so reading must not ask for more.
      this.#reading ??= this.#writable ?? fs.openSync(this.#path, 'r')
      let done = 0
      while (done < buffer.byteLength) {
        const left = buffer.byteLength - done
        const count = fs.readSync(this.#reading, buffer, done, left, offset + done)
        if (count === 0) break
        done += count
      }
      return done
    })
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#attempt('Writing', () => {
      this.#writable ??= fs.openSync(this.#path, 'r+')
      writeAll(this.#writable, bytes, offset)
    })
  }

  wrote(span: PlacedSpan): void {
    if (this.#writing === 'back' || this.#writing === 'auto') writeBack(this.#path, span)
  }

  /** Direct writes start and end at whole pages; the last bytes of a content go the ordinary way. */
  directWriter(span: PlacedSpan): DirectWriter | undefined {
    if (direct === undefined || span.offset % directAlignment !== 0) return undefined
    if (this.#writing !== 'direct' && this.#writing !== 'auto') return undefined
    if (this.#writing === 'auto' && !writeQueue.keepsUp(span.length)) return undefined
    const descriptor = this.#openDirectly()
    if (descriptor === null) return undefined
    const target: DirectTarget = {
      writeLater: (bytes, offset) => {
        const writing = this.#writeLater(descriptor, bytes, offset)
        this.#track(writing)
        return writing
      },
      write: (bytes, offset) => this.write(bytes, offset),
    }
    return new AlignedDirectWriter(span.offset, target)
  }

  close(): Promise<void> | undefined {
    // The number of a descriptor that is closed too early may be another file's by the time of the write.
    if (this.#underWay.size > 0) return Promise.all(this.#underWay).then(() => this.#closeFiles())
    this.#closeFiles()
    return undefined
  }

  #closeFiles(): void {
    const open = new Set([this.#reading, this.#writable, this.#directly])
    this.#reading = undefined
    this.#writable = undefined
    this.#directly = undefined
    for (const descriptor of open) if (typeof descriptor === 'number') fs.closeSync(descriptor)
  }

  #openDirectly(): number | null {
    if (this.#directly !== undefined) return this.#directly
    try {
      this.#directly = fs.openSync(this.#path, fs.constants.O_RDWR | direct)
    } catch (error) {
      // tmpfs and some network file systems refuse the flag.
      if (errorCode(error) !== 'EINVAL') throw diskError(error, 'Opening content', this.#path)
      this.#directly = null
    }
    return this.#directly
  }

  async #writeLater(descriptor: number, bytes: Uint8Array, offset: number): Promise<void> {
    try {
      for (let done = 0; done < bytes.byteLength; ) {
        done += await write(descriptor, bytes.subarray(done), offset + done)
      }
    } catch (error) {
      this.#writeRefused(error, bytes, offset)
    }
  }

  /** Some file systems take the flag and then no such write. */
  #writeRefused(error: unknown, bytes: Uint8Array, offset: number): void {
    if (errorCode(error) !== 'EINVAL') throw diskError(error, 'Writing content', this.#path)
    this.write(bytes, offset)
  }

  #track(writing: Promise<void>): void {
    const settled = writing
      .catch(() => {})
      .then(() => {
        this.#underWay.delete(settled)
      })
    this.#underWay.add(settled)
  }

  #attempt<T>(doing: string, action: () => T): T {
    try {
      return action()
    } catch (error) {
      throw diskError(error, `${doing} content`, this.#path)
    }
  }
}

/** On a thread of libuv's pool. Returns how many bytes were written. */
function write(descriptor: number, bytes: Uint8Array, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.write(descriptor, bytes, 0, bytes.byteLength, offset, (error, count) => {
      if (error === null) resolve(count)
      else reject(error)
    })
  })
}

function writeAll(descriptor: number, bytes: Uint8Array, offset: number): void {
  let done = 0
  while (done < bytes.byteLength) {
    done += fs.writeSync(descriptor, bytes, done, bytes.byteLength - done, offset + done)
  }
}
