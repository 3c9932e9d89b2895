// A storage plug-in: every 64 KiB of a content are a file of their own, as an object store would have it. The store is given
// the path of this module.
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '@damselfly/core'
import type { Content, ContentRequest, Medium } from '../src/index.ts'

const blockBytes = 64 * 1024

export async function openMedium(options: unknown): Promise<Medium> {
  const { dir } = options as { dir: string }
  await fs.mkdir(dir, { recursive: true })
  const pathOf = (name: string): string => join(dir, name)
  const content = ({ name, sizeBytes }: ContentRequest): Content =>
    new BlockContent(pathOf(name), sizeBytes)
  return {
    name: 'blocks',
    isKept: true,
    async create(request) {
      await fs.mkdir(pathOf(request.name))
      return content(request)
    },
    async attach(request) {
      const found = await fs.readdir(pathOf(request.name)).catch(() => undefined)
      return found === undefined ? undefined : content(request)
    },
    async sweep(isOwned) {
      for (const name of await fs.readdir(dir)) {
        if (!isOwned(name)) await fs.rm(pathOf(name), { recursive: true })
      }
    },
    space: async () => ({ totalBytes: 1e15, freeBytes: 1e15 }),
    close: async () => {},
  }
}

class BlockContent implements Content {
  readonly place = { kind: 'here' } as const
  readonly #dir: string
  readonly #sizeBytes: number
  /** Removed while it is read: the blocks are kept until `close`. */
  #isRead = false

  constructor(dir: string, sizeBytes: number) {
    this.#dir = dir
    this.#sizeBytes = sizeBytes
  }

  async read(buffer: Uint8Array, offset: number): Promise<number> {
    const end = Math.min(offset + buffer.byteLength, this.#sizeBytes)
    for (let at = offset; at < end; ) {
      const block = await this.#block(Math.floor(at / blockBytes))
      const part = block.subarray(at % blockBytes, (at % blockBytes) + end - at)
      buffer.set(part, at - offset)
      at += part.byteLength
    }
    return end - offset
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    const end = offset + bytes.byteLength
    for (let at = offset; at < end; ) {
      const number = Math.floor(at / blockBytes)
      const part = bytes.subarray(at - offset, at - offset + blockBytes - (at % blockBytes))
      await this.#change(number, part, at % blockBytes)
      at += part.byteLength
    }
  }

  async sync(): Promise<void> {}

  async remove(isRead: boolean): Promise<void> {
    this.#isRead = isRead
    if (!isRead) await fs.rm(this.#dir, { recursive: true })
  }

  close(): void {
    if (this.#isRead) fs.rm(this.#dir, { recursive: true }).catch(() => {})
  }

  /** The writes to one block take turns. */
  readonly #turns = new Map<number, Promise<void>>()

  async #change(number: number, part: Uint8Array, at: number): Promise<void> {
    const change = async (): Promise<void> => {
      const block = await this.#block(number)
      block.set(part, at)
      await fs.writeFile(join(this.#dir, String(number)), block)
    }
    const turn = (this.#turns.get(number) ?? Promise.resolve()).then(change)
    this.#turns.set(number, turn)
    await turn
  }

  async #block(number: number): Promise<Uint8Array> {
    try {
      return await fs.readFile(join(this.#dir, String(number)))
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
      return new Uint8Array(blockBytes)
    }
  }
}
