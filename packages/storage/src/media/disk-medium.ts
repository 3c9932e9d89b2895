import { dirname, join } from 'node:path'
import { DfError, type Disk, errorCode, type Log } from '@damselfly/core'
import { diskError } from '../disk-errors.ts'
import { directAlignment } from '../place/direct-writer.ts'
import { isLargeBeside } from '../place/large-content.ts'
import {
  contentPath,
  createContentFile,
  type FoundFiles,
  prefixOf,
  removeOrphans,
} from './content-files.ts'
import { DiskContent, type DiskContentDeps } from './disk-content.ts'
import type { Content, ContentRequest, Medium } from './medium.ts'
import { OpenFiles } from './open-files.ts'
import { preallocate } from './preallocate.ts'

/** Whether content is written past the page cache; `auto`: large ones while the disk keeps up. */
export type DirectIO = boolean | 'auto'

export interface DiskMediumOptions {
  /** Contents lie in `<directory>/<first 3 characters>/<name>`. */
  readonly directory: string
  /** How many content files stay open for the next use. */
  readonly maxOpenFiles: number
  /** Files get their blocks when they are created. */
  readonly preallocate: boolean
  /** Of worker threads. */
  readonly directIO: DirectIO
  /** What this process may use: contents are large beside it. */
  readonly memoryBytes: number
}

const maxUnasked = 64

/** One file per content. */
export class DiskMedium implements Medium {
  readonly name = 'disk'
  readonly isKept = true
  readonly #options: DiskMediumOptions
  readonly #disk: Disk
  readonly #log: Log
  readonly #files: OpenFiles
  readonly #contentDeps: DiskContentDeps
  /** The files of earlier runs by directory: looking for each alone takes longer than all else at the start. Until the sweep. */
  readonly #found: FoundFiles = new Map()
  /** What may be created before the system is asked for the free space again; small files would ask more than they write. */
  #room = { creations: 0, bytes: 0 }

  constructor(options: DiskMediumOptions, { disk, log }: { disk: Disk; log: Log }) {
    this.#options = options
    this.#disk = disk
    this.#log = log
    this.#files = new OpenFiles({ max: options.maxOpenFiles }, { disk, log })
    this.#contentDeps = { directory: options.directory, disk, files: this.#files }
  }

  async create(request: ContentRequest): Promise<Content> {
    const { sizeBytes, isPartial, spec } = request
    const path = contentPath(this.#options.directory, request.name)
    await this.#checkSpace(sizeBytes, spec.taskId)
    const isWhole = this.#options.preallocate && !isPartial
    const file = await createContentFile(this.#disk, path, (file) =>
      isWhole ? preallocate(file, sizeBytes) : file.truncate(sizeBytes),
    )
    const content = this.#content(request)
    content.created(file)
    return content
  }

  attach(request: ContentRequest): Promise<Content | undefined> | Content | undefined {
    const prefix = prefixOf(request.name)
    const found = this.#found.get(prefix)
    return found === undefined
      ? this.#list(prefix).then((listed) => this.#attach(request, listed))
      : this.#attach(request, found)
  }

  async sweep(isOwned: (name: string) => boolean): Promise<void> {
    const { directory } = this.#options
    await removeOrphans({ directory, found: this.#found, isOwned }, this.#disk, this.#log)
    this.#found.clear()
  }

  /** A hard link. The bytes are nobody's to change from now on, so they are made read-only, as an export does. */
  async share(from: Content, request: ContentRequest): Promise<Content | undefined> {
    if (from.file === undefined) return undefined
    const path = contentPath(this.#options.directory, request.name)
    try {
      await this.#disk.setWritable(from.file, false)
      await this.#linkNew(from.file, path)
      return this.#content(request)
    } catch (error) {
      this.#log.debug({ path, err: error }, 'content could not be shared')
      await this.#disk.remove(path).catch(() => {})
      return undefined
    }
  }

  async space(): Promise<{ totalBytes: number; freeBytes: number }> {
    const { directory } = this.#options
    try {
      return await this.#disk.space(directory)
    } catch (error) {
      throw diskError(error, 'Asking for free space', directory)
    }
  }

  close(): Promise<void> {
    return this.#files.close()
  }

  async #list(prefix: string): Promise<ReadonlyMap<string, number>> {
    const sizes = await this.#disk.sizes(join(this.#options.directory, prefix))
    this.#found.set(prefix, sizes)
    return sizes
  }

  #attach(request: ContentRequest, found: ReadonlyMap<string, number>): Content | undefined {
    const sizeBytes = found.get(request.name)
    const isThere = sizeBytes !== undefined && sizeBytes >= request.sizeBytes
    return isThere ? this.#content(request) : undefined
  }

  async #linkNew(from: string, path: string): Promise<void> {
    try {
      await this.#disk.link(from, path)
    } catch (error) {
      if (errorCode(error) === 'ENOENT') await this.#disk.mkdir(dirname(path))
      else if (errorCode(error) === 'EEXIST') await this.#disk.remove(path)
      else throw error
      await this.#disk.link(from, path)
    }
  }

  #content({ name, sizeBytes, spec }: ContentRequest): DiskContent {
    return new DiskContent(name, this.#writing(sizeBytes, spec.pieceLength), this.#contentDeps)
  }

  #writing(sizeBytes: number, pieceLength: number): 'direct' | 'auto' | 'back' | undefined {
    const { directIO, memoryBytes } = this.#options
    // Direct writes need pieces that begin at whole pages.
    const isAligned = pieceLength % directAlignment === 0
    if (isAligned && directIO === true) return 'direct'
    if (!isLargeBeside(memoryBytes, sizeBytes)) return undefined
    return isAligned && directIO === 'auto' ? 'auto' : 'back'
  }

  async #checkSpace(neededBytes: number, taskId: string): Promise<void> {
    if (neededBytes === 0) return
    const room = this.#room
    if (room.creations > 0 && neededBytes < room.bytes) {
      room.creations -= 1
      room.bytes -= neededBytes
      return
    }
    const { freeBytes } = await this.space()
    this.#room = { creations: maxUnasked, bytes: freeBytes / 2 - neededBytes }
    if (neededBytes > freeBytes)
      throw diskFull(taskId, neededBytes, freeBytes, this.#options.directory)
  }
}

export function diskFull(
  taskId: string,
  neededBytes: number,
  freeBytes: number,
  path: string,
): DfError {
  return new DfError(
    'DiskFull',
    `Task ${taskId} needs ${neededBytes} bytes, but ${path} has ${freeBytes} free. Free space there or lower the store's threshold.`,
    { details: { neededBytes, freeBytes, path } },
  )
}
