import { expect, test } from 'vitest'
import { AlignedDirectWriter, type DirectTarget } from './direct-writer.ts'

/** As much as goes in one write. */
const chunk = 512 * 1024
const start = 7 * 4096

/** A file whose direct writes end when they are told to. */
class Target implements DirectTarget {
  readonly bytes = new Uint8Array(20 * chunk)
  readonly direct: { offset: number; length: number; end: (error?: Error) => void }[] = []
  readonly cached: { offset: number; length: number }[] = []

  writeLater(bytes: Uint8Array, offset: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (error?: Error): void => {
        this.bytes.set(bytes, offset)
        if (error === undefined) resolve()
        else reject(error)
      }
      this.direct.push({ offset, length: bytes.byteLength, end })
    })
  }

  write(bytes: Uint8Array, offset: number): void {
    this.bytes.set(bytes, offset)
    this.cached.push({ offset, length: bytes.byteLength })
  }
}

function setUp(length: number) {
  const target = new Target()
  const bytes = new Uint8Array(length).map((_, at) => (at * 7 + (at >> 12)) & 0xff)
  const writer = new AlignedDirectWriter(start, target)
  return { target, bytes, writer }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('whole pages are written directly and the rest through the page cache', async () => {
  const { target, bytes, writer } = setUp(chunk + 2 * 4096 + 5)
  for (let at = 0; at < bytes.byteLength; at += 50_000) writer.write(bytes.slice(at, at + 50_000))
  let isDone = false
  const finished = writer.finish().then(() => {
    isDone = true
  })
  await settled()
  expect(isDone).toBe(false)
  for (const { end } of target.direct) end()
  await finished
  expect(target.direct.map(({ offset, length }) => [offset, length])).toEqual([
    [start, chunk],
    [start + chunk, 2 * 4096],
  ])
  expect(target.cached).toEqual([{ offset: start + chunk + 2 * 4096, length: 5 }])
  expect(Buffer.compare(target.bytes.subarray(start, start + bytes.byteLength), bytes)).toBe(0)
})

test('a writer is ready for more while fewer than six writes are under way', async () => {
  const { target, bytes, writer } = setUp(8 * chunk)
  writer.write(bytes.subarray(0, 5 * chunk))
  expect(writer.ready()).toBeUndefined()
  writer.write(bytes.subarray(5 * chunk))
  const ready = writer.ready()
  expect(ready).toBeInstanceOf(Promise)
  for (const { end } of target.direct.slice(0, 3)) end()
  await ready
  expect(writer.ready()).toBeUndefined()
  for (const { end } of target.direct.slice(3)) end()
  await writer.finish()
  expect(Buffer.compare(target.bytes.subarray(start, start + bytes.byteLength), bytes)).toBe(0)
})

test('a write that fails late fails the next chunk and the end, though not before all others ended', async () => {
  const { target, bytes, writer } = setUp(4 * chunk)
  writer.write(bytes.subarray(0, 2 * chunk))
  const [first, second] = target.direct
  first?.end(new Error('full'))
  await settled()
  expect(() => writer.write(bytes.subarray(0, 1))).toThrow('full')
  let isDone = false
  const finished = writer.finish().finally(() => {
    isDone = true
  })
  finished.catch(() => {})
  await settled()
  expect(isDone).toBe(false)
  second?.end(new Error('another'))
  await expect(finished).rejects.toThrow('full')
})

test('a failure of the page cache leaves the disk its full queue', async () => {
  const target = new Target()
  target.write = () => {
    throw new Error('full')
  }
  const failing = new AlignedDirectWriter(0, target)
  failing.write(new Uint8Array(4096 + 1))
  const finished = failing.finish()
  finished.catch(() => {})
  target.direct[0]?.end()
  await expect(finished).rejects.toThrow('full')
  await settled()
  const next = new Target()
  const writer = new AlignedDirectWriter(0, next)
  writer.write(new Uint8Array(5 * chunk))
  expect(writer.ready()).toBeUndefined()
  for (const { end } of next.direct) end()
  await settled()
})
