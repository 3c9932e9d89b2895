import { dirname } from 'node:path'
import { DfError, type Disk, errorCode, type Log } from '@damselfly/core'
import { diskError } from '../disk-errors.ts'
import { contentPath, createContentFile, removeOrphans } from './content-files.ts'
import { DiskContent } from './disk-content.ts'
import type { Content, ContentRequest, Medium } from './medium.ts'
import { OpenFiles } from './open-files.ts'
import { preallocate } from './preallocate.ts'

export interface DiskMediumOptions {
  /** Contents lie in `<directory>/<first 3 characters>/<name>`. */
  readonly directory: string
  /** How many content files stay open for the next use. */
  readonly maxOpenFiles: number
  /** Files get their blocks when they are created. */
  readonly preallocate: boolean
  /** Worker threads write past the page cache. */
  readonly directIO: boolean
}

const maxUnasked = 64

/** Direct writes need pieces that begin at whole pages. */
const pageBytes = 4096

/** One file per content. */
export class DiskMedium implements Medium {
  readonly name = 'disk'
  readonly isKept = true
  readonly #options: DiskMediumOptions
  readonly #disk: Disk
  readonly #log: Log
  readonly #files: OpenFiles
  /** What may be created before the system is asked for the free space again; small files would ask more than they write. */
  #room = { creations: 0, bytes: 0 }

  constructor(options: DiskMediumOptions, { disk, log }: { disk: Disk; log: Log }) {
    this.#options = options
    this.#disk = disk
    this.#log = log
    this.#files = new OpenFiles({ max: options.maxOpenFiles }, { disk, log })
  }

  async create(request: ContentRequest): Promise<Content> {
    const { sizeBytes, isPartial, spec } = request
    const path = contentPath(this.#options.directory, request.name)
    await this.#checkSpace(sizeBytes, spec.taskId)
    const isWhole = this.#options.preallocate && !isPartial
    const file = await createContentFile(this.#disk, path, (file) =>
      isWhole ? preallocate(file, sizeBytes) : file.truncate(sizeBytes),
    )
    const content = this.#content(path, request)
    content.created(file)
    return content
  }

  async attach(request: ContentRequest): Promise<Content | undefined> {
    const path = contentPath(this.#options.directory, request.name)
    const found = await this.#disk.stat(path)
    if (found?.isFile !== true || found.sizeBytes < request.sizeBytes) return undefined
    return this.#content(path, request)
  }

  async sweep(isOwned: (name: string) => boolean): Promise<void> {
    await removeOrphans(this.#disk, this.#options.directory, isOwned, this.#log)
  }

  /** A hard link. The bytes are nobody's to change from now on, so they are made read-only, as an export does. */
  async share(from: Content, request: ContentRequest): Promise<Content | undefined> {
    if (from.file === undefined) return undefined
    const path = contentPath(this.#options.directory, request.name)
    try {
      await this.#disk.setWritable(from.file, false)
      await this.#linkNew(from.file, path)
      return this.#content(path, request)
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

  #content(path: string, { spec }: ContentRequest): DiskContent {
    const directIO = this.#options.directIO && spec.pieceLength % pageBytes === 0
    return new DiskContent({ path, directIO }, { disk: this.#disk, files: this.#files })
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
