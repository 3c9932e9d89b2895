import * as fs from 'node:fs'

/**
 * File calls on the calling thread, in the form of `Disk`. They are for contents of some KiB: a thread of the pool and a promise
 * for each call take ten times as long as the call, and such a content needs a dozen of them.
 */

const writeBits = 0o222
const ownerWriteBit = 0o200

export async function openHere(path: string, mode: 'r' | 'r+' | 'wx+') {
  const descriptor = fs.openSync(path, mode)
  return {
    descriptor,
    async read(buffer: Uint8Array, offset: number): Promise<number> {
      return inSteps(buffer, (at) => {
        return fs.readSync(descriptor, buffer, at, buffer.byteLength - at, offset + at)
      })
    },
    async write(buffer: Uint8Array, offset: number): Promise<void> {
      inSteps(buffer, (at) => {
        return fs.writeSync(descriptor, buffer, at, buffer.byteLength - at, offset + at)
      })
    },
    async truncate(sizeBytes: number): Promise<void> {
      fs.ftruncateSync(descriptor, sizeBytes)
    },
    sync: () => inPool((done) => fs.fsync(descriptor, done)),
    datasync: () => inPool((done) => fs.fdatasync(descriptor, done)),
    async close(): Promise<void> {
      fs.closeSync(descriptor)
    },
  }
}

export async function statHere(path: string): Promise<fs.Stats> {
  return fs.statSync(path)
}

export async function mkdirHere(path: string): Promise<void> {
  fs.mkdirSync(path, { recursive: true })
}

export async function linkHere(from: string, to: string): Promise<void> {
  fs.linkSync(from, to)
}

export async function setWritableHere(path: string, writable: boolean): Promise<void> {
  const mode = fs.statSync(path).mode & 0o7777
  const wanted = writable ? mode | ownerWriteBit : mode & ~writeBits
  if (wanted !== mode) fs.chmodSync(path, wanted)
}

/** Until the buffer is done or a step does nothing: the end of the file. Returns the bytes done. */
function inSteps(buffer: Uint8Array, step: (done: number) => number): number {
  let done = 0
  while (done < buffer.byteLength) {
    const count = step(done)
    if (count === 0) break
    done += count
  }
  return done
}

/** A sync takes as long as the disk likes, however small the file is. */
function inPool(call: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => (error === null ? resolve() : reject(error)))
  })
}
