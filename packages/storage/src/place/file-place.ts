import * as fs from 'node:fs'
import { errorCode } from '@damselfly/core'
import { diskError } from '../disk-errors.ts'
import { alignedDirectWriter, directAlignment } from './direct-writer.ts'
import type { DirectWriter, OpenPlace } from './open-place.ts'

const direct = fs.constants.O_DIRECT

/** A content file, read, written and written directly through descriptors of their own. */
export class FilePlace implements OpenPlace {
  readonly #path: string
  readonly #isDirect: boolean
  #reading: number | undefined
  #writing: number | undefined
  /** `null` when the file system has no direct writes. */
  #directly: number | null | undefined

  constructor(path: string, isDirect: boolean) {
    this.#path = path
    this.#isDirect = isDirect && direct !== undefined
  }

  read(buffer: Uint8Array, offset: number): number {
    return this.#attempt('Reading', () => {
      // An export may have made the file read-only, so reading must not ask for more.
      this.#reading ??= this.#writing ?? fs.openSync(this.#path, 'r')
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
      this.#writing ??= fs.openSync(this.#path, 'r+')
      writeAll(this.#writing, bytes, offset)
    })
  }

  /** Direct writes start and end at whole pages; the last bytes of a content go the ordinary way. */
  directWriter(span: { offset: number; length: number }): DirectWriter | undefined {
    if (!this.#isDirect || span.offset % directAlignment !== 0) return undefined
    const descriptor = this.#openDirectly()
    if (descriptor === null) return undefined
    const attempt = (action: () => void): void => this.#attempt('Writing', action)
    return alignedDirectWriter(span.offset, {
      writeDirectly: (bytes, offset) => attempt(() => writeAll(descriptor, bytes, offset)),
      write: (bytes, offset) => this.write(bytes, offset),
    })
  }

  close(): void {
    const open = new Set([this.#reading, this.#writing, this.#directly])
    this.#reading = undefined
    this.#writing = undefined
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

  #attempt<T>(doing: string, action: () => T): T {
    try {
      return action()
    } catch (error) {
      throw diskError(error, `${doing} content`, this.#path)
    }
  }
}

function writeAll(descriptor: number, bytes: Uint8Array, offset: number): void {
  let done = 0
  while (done < bytes.byteLength) {
    done += fs.writeSync(descriptor, bytes, done, bytes.byteLength - done, offset + done)
  }
}
