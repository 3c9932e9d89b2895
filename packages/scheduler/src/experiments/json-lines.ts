import { dirname } from 'node:path'
import { DfError, type Disk, type DiskFile, type Log } from '@damselfly/core'

export interface JsonLinesOptions {
  /** The file that is written; older ones are called `<path>.1`, `<path>.2` and so on. */
  readonly path: string
  /** A file that would grow beyond this is put aside, bytes. */
  readonly maxBytes: number
  /** How many there are at most, the one that is written included. */
  readonly maxFiles: number
  /** What every new file begins with. */
  readonly head?: () => object | undefined
}

interface JsonLinesDeps {
  readonly disk: Disk
  readonly log: Log
}

/** Lines that wait for the disk. */
const MAX_QUEUE = 1_024
const newline = 0x0a

/**
 * A log of JSON values, one a line, that is only ever appended to and never larger than `maxBytes` times `maxFiles`. Nothing
 * waits for the disk: what it cannot take in time is left out, counted and told to the log. A line that a crash cut off is
 * left out when the file is opened again.
 */
export class JsonLines {
  readonly #options: JsonLinesOptions
  readonly #deps: JsonLinesDeps
  /** Absent before the first line, and between two files. */
  #file: DiskFile | undefined
  #size = 0
  #queue: Buffer[] = []
  #writing: Promise<void> | undefined
  #omitted = 0

  private constructor(options: JsonLinesOptions, deps: JsonLinesDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** Opens the log, in a directory that is made when it is missing; `read` gets every value in it, oldest first. Throws `DiskFailed`. */
  static async open(
    options: JsonLinesOptions,
    deps: JsonLinesDeps,
    read: (value: unknown) => void,
  ): Promise<JsonLines> {
    const { disk } = deps
    const { path, maxFiles } = options
    try {
      await disk.mkdir(dirname(path))
      let whole = 0
      for (let age = maxFiles - 1; age >= 0; age--) {
        whole = readLines(await readFile(disk, agedPath(path, age)), read)
      }
      const lines = new JsonLines(options, deps)
      await lines.#open(whole)
      return lines
    } catch (cause) {
      throw new DfError('DiskFailed', `${path} cannot be used: ${String(cause)}`, { cause })
    }
  }

  /** Lines that could not be written. */
  get omitted(): number {
    return this.#omitted
  }

  append(value: object): void {
    if (this.#queue.length >= MAX_QUEUE) {
      this.#omitted += 1
      return
    }
    this.#queue.push(Buffer.from(`${JSON.stringify(value)}\n`))
    this.#writing ??= this.#drain()
  }

  /** Ends after everything that was appended is on the disk. */
  async close(): Promise<void> {
    await this.#writing
    await this.#closeFile()
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const lines = this.#queue
      this.#queue = []
      try {
        await this.#write(lines)
      } catch (err) {
        this.#omitted += lines.length
        this.#deps.log.warn({ err, path: this.#options.path }, 'lines could not be written')
      }
    }
    this.#writing = undefined
  }

  async #write(lines: readonly Buffer[]): Promise<void> {
    for (const line of lines) {
      if (this.#size > 0 && this.#size + line.byteLength > this.#options.maxBytes) {
        await this.#putAside()
      }
      await this.#writeAt(this.#file ?? (await this.#open()), line)
    }
  }

  async #writeAt(file: DiskFile, line: Buffer): Promise<void> {
    await file.write(line, this.#size)
    this.#size += line.byteLength
  }

  /** `size`: what there is of whole lines; 0 = no file. */
  async #open(size = 0): Promise<DiskFile> {
    const { path, head } = this.#options
    const isThere = (await this.#deps.disk.stat(path)) !== undefined
    const file = await this.#deps.disk.open(path, isThere ? 'r+' : 'wx+')
    this.#file = file
    this.#size = size
    await file.truncate(size)
    const first = size === 0 ? head?.() : undefined
    if (first !== undefined) await this.#writeAt(file, Buffer.from(`${JSON.stringify(first)}\n`))
    return file
  }

  async #putAside(): Promise<void> {
    const { path, maxFiles } = this.#options
    const { disk } = this.#deps
    await this.#closeFile()
    await disk.remove(agedPath(path, maxFiles - 1))
    for (let age = maxFiles - 2; age >= 0; age--) {
      const from = agedPath(path, age)
      if ((await disk.stat(from)) !== undefined) await disk.rename(from, agedPath(path, age + 1))
    }
    this.#size = 0
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.datasync()
    await file?.close()
  }
}

const agedPath = (path: string, age: number): string => (age === 0 ? path : `${path}.${age}`)

async function readFile(disk: Disk, path: string): Promise<Buffer> {
  const stat = await disk.stat(path)
  if (stat === undefined) return Buffer.alloc(0)
  const file = await disk.open(path, 'r')
  try {
    const bytes = Buffer.alloc(stat.sizeBytes)
    return bytes.subarray(0, await file.read(bytes, 0))
  } finally {
    await file.close()
  }
}

/** How many bytes are whole lines. A line that is no JSON is passed over. */
function readLines(bytes: Buffer, read: (value: unknown) => void): number {
  let start = 0
  for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
    const value = parsed(bytes.toString('utf8', start, end))
    if (value !== undefined) read(value)
    start = end + 1
  }
  return start
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
