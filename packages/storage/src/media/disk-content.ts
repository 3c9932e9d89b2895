import { dirname } from 'node:path'
import type { Disk, DiskFile } from '@damselfly/core'
import type { ContentPlace } from '../place/content-place.ts'
import { contentPath } from './content-files.ts'
import type { Content } from './medium.ts'
import { NameSyncs } from './name-syncs.ts'
import type { FileOwner, OpenFiles, PinnedFile } from './open-files.ts'

export interface DiskContentDeps {
  /** Of all contents of the medium. */
  readonly directory: string
  readonly disk: Disk
  readonly files: OpenFiles
}

type FilePlace = Extract<ContentPlace, { kind: 'file' }>

/** A content that is a file. */
export class DiskContent implements Content, FileOwner {
  readonly #name: string
  readonly #writing: FilePlace['writing']
  readonly #deps: DiskContentDeps
  /** A complete file may have been made read-only by an export. */
  #isWritten = false
  /** A file is of no use without its name, which is written to the disk on its own. */
  #isNameKept = false
  /** Keeps the unlinked file readable. */
  #lastPin: PinnedFile | undefined

  constructor(name: string, writing: FilePlace['writing'], deps: DiskContentDeps) {
    this.#name = name
    this.#writing = writing
    this.#deps = deps
  }

  /** Made when it is asked for: a store may hold very many contents. */
  get path(): string {
    return contentPath(this.#deps.directory, this.#name)
  }

  get place(): FilePlace {
    const [path, writing] = [this.path, this.#writing]
    return writing === undefined ? { kind: 'file', path } : { kind: 'file', path, writing }
  }

  get file(): string {
    return this.path
  }

  get openMode(): 'r' | 'r+' {
    return this.#isWritten ? 'r+' : 'r'
  }

  /** Takes over the file that was opened to create it. */
  created(file: DiskFile): void {
    this.#isWritten = true
    this.#deps.files.adopt(this, file)
  }

  async read(buffer: Uint8Array, offset: number): Promise<number> {
    using pinned = await this.#deps.files.pin(this)
    return await pinned.file.read(buffer, offset)
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    if (!this.#isWritten) {
      this.#isWritten = true
      this.#deps.files.forget(this)
    }
    using pinned = await this.#deps.files.pin(this)
    await pinned.file.write(bytes, offset)
  }

  async sync(names?: NameSyncs): Promise<void> {
    using pinned = await this.#deps.files.pin(this)
    await pinned.file.datasync()
    if (this.#isNameKept) return
    const directory = dirname(this.path)
    const wanted = names ?? new NameSyncs()
    wanted.add([directory, dirname(directory)], () => {
      this.#isNameKept = true
    })
    if (names === undefined) await wanted.run(this.#deps.disk)
  }

  async allocatedBytes(): Promise<number> {
    return (await this.#deps.disk.stat(this.path))?.allocatedBytes ?? 0
  }

  settle(): void {
    this.#isWritten = false
  }

  async unsettle(): Promise<boolean> {
    const found = await this.#deps.disk.stat(this.path)
    if (found !== undefined && found.links > 1) return false
    await this.#deps.disk.setWritable(this.path, true)
    return true
  }

  async remove(isRead: boolean): Promise<void> {
    // Opened before the name is gone. A failure is the readers' loss, not a reason to keep the bytes.
    if (isRead) this.#lastPin = await this.#deps.files.pin(this).catch(() => undefined)
    await this.#deps.disk.remove(this.path)
  }

  close(): void {
    this.#lastPin?.[Symbol.dispose]()
    this.#lastPin = undefined
    this.#deps.files.forget(this)
  }
}
