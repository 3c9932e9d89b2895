import { basename, dirname } from 'node:path'
import { type Disk, type DiskFile, type Random, randomInt, systemDisk } from '@damselfly/core'
import { systemError } from '../faulty-disk.ts'

/** What a write or a truncation has not yet brought to the platter. */
interface Pending {
  readonly offset: number
  /** `undefined` = the file ends at `offset`. */
  readonly bytes: Uint8Array | undefined
}

interface Node {
  now: Uint8Array
  platter: Uint8Array
  pending: Pending[]
}

const sectorBytes = 512

/**
 * Content files that live in memory and know which of their bytes and names have been synced. After a power cut everything else
 * is there or not there as chance will have it: writes are dropped, reordered and torn at sectors, new names are missing, removed
 * ones are back. Whatever is not content (the metadata, which SQLite writes by itself) goes to the operating system.
 */
export class PlatterDisk implements Disk {
  /** Called before every operation on content. */
  onOperation: () => void = () => {}
  /** Told when a file of the operating system is synced. */
  onSystemSync: (path: string) => void = () => {}
  readonly #files: Map<string, Node>
  readonly #keptNames: Map<string, Node>

  constructor(files = new Map<string, Node>()) {
    this.#files = files
    this.#keptNames = new Map(files)
  }

  /** What another kernel would find, were the power cut now. */
  cut(random: Random): PlatterDisk {
    const survivors = new Map<Node, Node>()
    const files = new Map<string, Node>()
    for (const path of new Set([...this.#files.keys(), ...this.#keptNames.keys()])) {
      const [now, kept] = [this.#files.get(path), this.#keptNames.get(path)]
      const node = now === kept || random.next() < 0.5 ? now : kept
      if (node === undefined) continue
      let survivor = survivors.get(node)
      survivor ??= settle(node, random)
      survivors.set(node, survivor)
      files.set(path, survivor)
    }
    return new PlatterDisk(files)
  }

  async open(path: string, mode: 'r' | 'r+' | 'wx+'): Promise<DiskFile> {
    if (!isContent(path)) return this.#systemFile(path, await systemDisk.open(path, mode))
    this.onOperation()
    let node = this.#files.get(path)
    if (mode === 'wx+') {
      if (node !== undefined) throw systemError('EEXIST')
      node = { now: new Uint8Array(), platter: new Uint8Array(), pending: [] }
      this.#files.set(path, node)
    }
    if (node === undefined) throw systemError('ENOENT')
    return this.#contentFile(node)
  }

  #contentFile(node: Node): DiskFile {
    const sync = async (): Promise<void> => {
      this.onOperation()
      node.platter = node.now.slice()
      node.pending = []
    }
    return {
      async read(buffer, offset) {
        const part = node.now.subarray(offset, offset + buffer.byteLength)
        buffer.set(part)
        return part.byteLength
      },
      write: async (buffer, offset) => {
        this.onOperation()
        const change = { offset, bytes: buffer.slice() }
        node.now = applied(node.now, change)
        node.pending.push(change)
      },
      truncate: async (offset) => {
        this.onOperation()
        node.now = applied(node.now, { offset, bytes: undefined })
        node.pending.push({ offset, bytes: undefined })
      },
      sync,
      datasync: sync,
      close: async () => {},
    }
  }

  #systemFile(path: string, file: DiskFile): DiskFile {
    const datasync = async (): Promise<void> => {
      await file.datasync()
      this.onSystemSync(path)
    }
    return { ...file, datasync }
  }

  async stat(path: string) {
    if (!isContent(path)) return await systemDisk.stat(path)
    const node = this.#files.get(path)
    if (node !== undefined) {
      const links = [...this.#files.values()].filter((other) => other === node).length
      const sizeBytes = node.now.byteLength
      const kind = { isDirectory: false, isFile: true }
      return { sizeBytes, ...kind, inode: path, links, allocatedBytes: sizeBytes }
    }
    const isDirectory = [...this.#files.keys()].some((other) => other.startsWith(`${path}/`))
    if (!isDirectory) return undefined
    return { sizeBytes: 0, isDirectory, isFile: false, inode: path, links: 1, allocatedBytes: 0 }
  }

  async mkdir(path: string) {
    if (!isContent(path)) await systemDisk.mkdir(path)
  }

  async readdir(path: string) {
    const below = [...this.#files.keys()].filter((other) => other.startsWith(`${path}/`))
    const names = below.map((other) => other.slice(path.length + 1).split('/')[0] ?? '')
    return [...new Set(names)]
  }

  async sizes(path: string) {
    const sizes = new Map<string, number>()
    for (const [other, node] of this.#files) {
      if (dirname(other) === path) sizes.set(basename(other), node.now.byteLength)
    }
    return sizes
  }

  async rename(from: string, to: string) {
    await this.link(from, to)
    await this.remove(from)
  }

  async link(from: string, to: string) {
    this.onOperation()
    const node = this.#files.get(from)
    if (node === undefined) throw systemError('ENOENT')
    if (this.#files.has(to)) throw systemError('EEXIST')
    this.#files.set(to, node)
  }

  async clone() {
    return false
  }

  async setWritable() {}

  async remove(path: string) {
    if (!isContent(path)) return await systemDisk.remove(path)
    this.onOperation()
    for (const other of [...this.#files.keys()]) {
      if (other === path || other.startsWith(`${path}/`)) this.#files.delete(other)
    }
  }

  async syncDirectory(path: string) {
    if (!isContent(path)) return await systemDisk.syncDirectory(path)
    this.onOperation()
    const isHere = (other: string): boolean => dirname(other) === path
    for (const other of [...this.#keptNames.keys()]) {
      if (isHere(other) && !this.#files.has(other)) this.#keptNames.delete(other)
    }
    for (const [other, node] of this.#files) if (isHere(other)) this.#keptNames.set(other, node)
  }

  async space() {
    return { totalBytes: 1e12, freeBytes: 1e12 }
  }
}

const isContent = (path: string): boolean => /\/content(\/|$)/.test(path)

function applied(to: Uint8Array, { offset, bytes }: Pending): Uint8Array {
  const size = bytes === undefined ? offset : Math.max(to.byteLength, offset + bytes.byteLength)
  const result = new Uint8Array(size)
  result.set(to.subarray(0, size))
  if (bytes !== undefined) result.set(bytes, offset)
  return result
}

/** Any of the changes have reached the platter, in any order, and of those any sectors. */
function settle({ platter, pending }: Node, random: Random): Node {
  let bytes = platter
  const rest = [...pending]
  while (rest.length > 0) {
    const [change] = rest.splice(randomInt(random, rest.length), 1)
    if (change === undefined || random.next() < 0.4) continue
    if (change.bytes === undefined || random.next() < 0.5) {
      bytes = applied(bytes, change)
      continue
    }
    for (let at = 0; at < change.bytes.byteLength; at += sectorBytes) {
      if (random.next() < 0.5) continue
      const sector = change.bytes.subarray(at, at + sectorBytes)
      bytes = applied(bytes, { offset: change.offset + at, bytes: sector })
    }
  }
  return { now: bytes, platter: bytes, pending: [] }
}
