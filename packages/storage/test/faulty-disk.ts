import { type Disk, type DiskFile, systemDisk } from '@damselfly/core'

type Operation = keyof Disk | 'read' | 'write' | 'truncate' | 'sync' | 'close'

/** A call that is about to reach the disk. */
export interface DiskCall {
  readonly operation: Operation
  readonly path: string
  /** How many calls of this operation came before. */
  readonly earlier: number
  /** How a file is opened. */
  readonly mode: string | undefined
}

/** Throws to make the call fail, waits to hold it up. */
export type Intercept = (call: DiskCall) => void | Promise<void>

/** An error like Node's for a failed system call. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: made by the test`), { code })
}

/** The operating system's disk behind an interceptor, which may be exchanged at any time. */
export class FaultyDisk implements Disk {
  intercept: Intercept = () => {}
  readonly #counts = new Map<Operation, number>()

  /** Every call of that operation fails from now on. */
  fail(operation: Operation, code: string, path = ''): void {
    this.intercept = (call) => {
      if (call.operation === operation && call.path.includes(path)) throw systemError(code)
    }
  }

  heal(): void {
    this.intercept = () => {}
  }

  async open(path: string, mode: 'r' | 'r+' | 'wx+'): Promise<DiskFile> {
    await this.#before('open', path, mode)
    const file = await systemDisk.open(path, mode)
    return {
      read: async (buffer, offset) => {
        await this.#before('read', path)
        return await file.read(buffer, offset)
      },
      write: async (buffer, offset) => {
        await this.#before('write', path)
        await file.write(buffer, offset)
      },
      truncate: async (sizeBytes) => {
        await this.#before('truncate', path)
        await file.truncate(sizeBytes)
      },
      sync: async () => {
        await this.#before('sync', path)
        await file.sync()
      },
      datasync: async () => {
        await this.#before('sync', path)
        await file.datasync()
      },
      close: async () => {
        await file.close()
        await this.#before('close', path)
      },
    }
  }

  async stat(path: string) {
    await this.#before('stat', path)
    return await systemDisk.stat(path)
  }

  async mkdir(path: string) {
    await this.#before('mkdir', path)
    await systemDisk.mkdir(path)
  }

  async readdir(path: string) {
    await this.#before('readdir', path)
    return await systemDisk.readdir(path)
  }

  async sizes(path: string) {
    await this.#before('readdir', path)
    return await systemDisk.sizes(path)
  }

  async rename(from: string, to: string) {
    await this.#before('rename', to)
    await systemDisk.rename(from, to)
  }

  async link(from: string, to: string) {
    await this.#before('link', to)
    await systemDisk.link(from, to)
  }

  async clone(from: string, to: string) {
    await this.#before('clone', to)
    return await systemDisk.clone(from, to)
  }

  async setWritable(path: string, writable: boolean) {
    await this.#before('setWritable', path)
    await systemDisk.setWritable(path, writable)
  }

  async remove(path: string) {
    await this.#before('remove', path)
    await systemDisk.remove(path)
  }

  async syncDirectory(path: string) {
    await this.#before('syncDirectory', path)
    await systemDisk.syncDirectory(path)
  }

  async space(path: string) {
    await this.#before('space', path)
    return await systemDisk.space(path)
  }

  async #before(operation: Operation, path: string, mode?: string): Promise<void> {
    const earlier = this.#counts.get(operation) ?? 0
    this.#counts.set(operation, earlier + 1)
    await this.intercept({ operation, path, earlier, mode })
  }
}
