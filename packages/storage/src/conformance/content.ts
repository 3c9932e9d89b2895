import { crc32 } from 'node:zlib'
import { asTaskId, type Random, randomInt } from '@damselfly/core'
import { PieceHasher } from '@damselfly/core/hashing'
import type { PieceFacts, PieceRecord, StoredTask, TaskSpec } from '../store.ts'

export function specOf(
  given: { id?: string; contentLength?: number; pieceLength?: number } = {},
): TaskSpec {
  const { id = 'a'.repeat(64), contentLength = 100, pieceLength = 4 * 1024 * 1024 } = given
  return {
    taskId: asTaskId(id),
    url: 'http://origin.test/file?version=1',
    tag: 'tag',
    application: 'app',
    contentLength,
    pieceLength,
    responseHeader: { 'content-type': 'text/plain', etag: '"abc"' },
  }
}

export function factsOf(given: Partial<PieceFacts> = {}): PieceFacts {
  return { parentId: 'peer', trafficType: 'remote-peer', costMs: 3, ...given }
}

/** The bytes of test content at an offset: no two places of a piece look alike. */
export function contentBytes(offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) {
    const at = offset + i
    bytes[i] = Math.imul(at ^ (at >>> 8), 0x9e3779b1) >>> 24
  }
  return bytes
}

export function contentOf(task: StoredTask): Uint8Array {
  return contentBytes(0, task.spec.contentLength)
}

/** Writes and commits a piece of the test content, in chunks of random length when there is a `random`. */
export async function put(
  task: StoredTask,
  number: number,
  given: Partial<PieceFacts> = {},
  random?: Random,
): Promise<PieceRecord> {
  const offset = number * task.spec.pieceLength
  const length = Math.min(task.spec.pieceLength, task.spec.contentLength - offset)
  const bytes = contentBytes(offset, length)
  const writer = task.writePiece(number)
  for (let start = 0; start < length; ) {
    const end = random === undefined ? length : start + randomInt(random, length - start + 1)
    await writer.write(bytes.subarray(start, end))
    start = end
  }
  const expected = { crc32: crc32(bytes), blake3: blake3Of(bytes) }
  return await writer.commit(factsOf({ expected, ...given }))
}

export const blake3Of = (bytes: Uint8Array): Uint8Array =>
  new PieceHasher().update(bytes).finish().blake3

/** Puts all pieces that are missing, in random order and several at a time when there is a `random`. */
export async function fill(task: StoredTask, random?: Random): Promise<void> {
  const missing = [...task.have.unsetBits()]
  if (random === undefined) {
    for (const number of missing) await put(task, number)
    return
  }
  while (missing.length > 0) {
    const picked = Array.from({ length: 1 + randomInt(random, 4) }, () =>
      missing.splice(randomInt(random, missing.length), 1),
    ).flat()
    await Promise.all(picked.map((number) => put(task, number, {}, random)))
  }
}

export async function readBytes(
  task: StoredTask,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const buffer = new Uint8Array(length)
  const count = await task.read(buffer, offset)
  return buffer.subarray(0, count)
}

export function readAll(task: StoredTask): Promise<Uint8Array> {
  return readBytes(task, 0, task.spec.contentLength)
}

/** For long content: comparing element by element, as `toEqual` does, takes seconds. */
export function isSame(actual: Uint8Array, expected: Uint8Array): boolean {
  return Buffer.compare(actual, expected) === 0
}
