import {
  background,
  type Deferred,
  DfError,
  type Disk,
  type DiskFile,
  deferred,
  type Log,
} from '@damselfly/core'

/** Who owns an open file, and how to open it again. */
export interface FileOwner {
  readonly path: string
  /** Asked each time the file is opened. */
  readonly openMode: 'r' | 'r+'
}

/** An open file that stays open until it is disposed. */
export interface PinnedFile extends Disposable {
  readonly file: DiskFile
}

interface Entry {
  readonly opening: Promise<DiskFile>
  readonly closed: Deferred<void>
  file: DiskFile | undefined
  pins: number
  /** No longer in the cache: the last pin closes the file. */
  isForgotten: boolean
}

/**
 * Open files by owner. Up to `max` stay open for the next use; beyond that the least recently used idle ones are
 * closed. Files in use are never closed, so more than `max` can be open when more are in use at once.
 */
export class OpenFiles {
  readonly #disk: Disk
  readonly #log: Log
  readonly #max: number
  /** In order of use, the latest last. */
  readonly #entries = new Map<FileOwner, Entry>()
  /** Everything not yet closed, forgotten ones too. */
  readonly #live = new Set<Entry>()
  #isClosed = false

  constructor(options: { max: number }, { disk, log }: { disk: Disk; log: Log }) {
    this.#max = options.max
    this.#disk = disk
    this.#log = log
  }

  /** How many files are open or being opened. */
  get size(): number {
    return this.#live.size
  }

  async pin(owner: FileOwner): Promise<PinnedFile> {
    if (this.#isClosed) throw new DfError('Internal', 'The store is closed.')
    const entry = this.#entries.get(owner) ?? this.#add(owner)
    this.#entries.delete(owner)
    this.#entries.set(owner, entry)
    entry.pins += 1
    this.#evict()
    let file = entry.file
    try {
      file ??= await entry.opening
    } catch (error) {
      this.#drop(owner, entry)
      entry.closed.resolve()
      this.#live.delete(entry)
      throw error
    }
    let isHeld = true
    const release = (): void => {
      if (!isHeld) return
      isHeld = false
      this.#unpin(owner, entry)
    }
    return { file, [Symbol.dispose]: release }
  }

  /** Keeps a file that somebody has just opened for its owner. */
  adopt(owner: FileOwner, file: DiskFile): void {
    this.forget(owner)
    const entry = newEntry(Promise.resolve(file))
    entry.file = file
    this.#live.add(entry)
    if (this.#isClosed) {
      this.#close(entry)
      return
    }
    this.#entries.set(owner, entry)
    this.#evict()
  }

  /** Closes the owner's file as soon as nobody uses it. */
  forget(owner: FileOwner): void {
    const entry = this.#entries.get(owner)
    if (entry === undefined) return
    this.#drop(owner, entry)
    if (entry.pins === 0) this.#close(entry)
  }

  /** Closes all files; those in use when their use ends, which this waits for. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const owner of [...this.#entries.keys()]) this.forget(owner)
    await Promise.all([...this.#live].map((entry) => entry.closed.promise))
  }

  #add(owner: FileOwner): Entry {
    const opening = this.#disk.open(owner.path, owner.openMode)
    const entry = newEntry(opening)
    opening.then(
      (file) => {
        entry.file = file
      },
      () => {},
    )
    this.#live.add(entry)
    return entry
  }

  #unpin(owner: FileOwner, entry: Entry): void {
    entry.pins -= 1
    if (entry.pins > 0) return
    if (entry.isForgotten) this.#close(entry)
    else if (this.#entries.size > this.#max) {
      this.#drop(owner, entry)
      this.#close(entry)
    }
  }

  #evict(): void {
    for (const [owner, entry] of this.#entries) {
      if (this.#entries.size <= this.#max) return
      if (entry.pins > 0) continue
      this.#drop(owner, entry)
      this.#close(entry)
    }
  }

  #drop(owner: FileOwner, entry: Entry): void {
    entry.isForgotten = true
    // A failed entry may have been replaced meanwhile.
    if (this.#entries.get(owner) === entry) this.#entries.delete(owner)
  }

  #close(entry: Entry): void {
    const { file } = entry
    const closing = file === undefined ? Promise.resolve() : file.close()
    const settled = closing.finally(() => {
      this.#live.delete(entry)
      entry.closed.resolve()
    })
    background('closing a content file', settled, this.#log)
  }
}

const newEntry = (opening: Promise<DiskFile>): Entry => ({
  opening,
  closed: deferred(),
  file: undefined,
  pins: 0,
  isForgotten: false,
})
