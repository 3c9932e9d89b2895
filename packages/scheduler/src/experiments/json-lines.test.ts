import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Disk, silentLog, systemDisk } from '@damselfly/core'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { JsonLines, type JsonLinesOptions } from './json-lines.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'json-lines-'))
  onTestFinished(() => systemDisk.remove(dir))
})

async function open(change: Partial<JsonLinesOptions> = {}, disk: Disk = systemDisk) {
  const read: unknown[] = []
  const path = join(dir, 'experiments', 'log')
  const options = { path, maxBytes: 1_000, maxFiles: 2, ...change }
  const lines = await JsonLines.open(options, { disk, log: silentLog }, (value) => read.push(value))
  onTestFinished(() => lines.close())
  return { lines, read, path }
}

async function append(lines: JsonLines, values: readonly object[]): Promise<void> {
  for (const value of values) lines.append(value)
  await lines.close()
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => ({ n: from + index }))

describe('JsonLines', () => {
  it('gives back what was appended, after a restart too', async () => {
    const first = await open()
    expect(first.read).toEqual([])
    await append(first.lines, numbers(0, 3))
    const second = await open()
    expect(second.read).toEqual(numbers(0, 3))
    await append(second.lines, numbers(3, 5))
    expect((await open()).read).toEqual(numbers(0, 5))
  })

  it('leaves out the line that a crash cut off, and what is no JSON', async () => {
    const { lines, path } = await open()
    await lines.close()
    await writeFile(path, '{"n":0}\nrubbish\n{"n":1}\n{"n":2')
    const { lines: again, read } = await open()
    expect(read).toEqual(numbers(0, 2))
    await append(again, [{ n: 9 }])
    expect((await open()).read).toEqual([...numbers(0, 2), { n: 9 }])
  })

  it('keeps to its size by forgetting the oldest lines', async () => {
    // Lines of ten bytes: ten of them in a file.
    const { lines, path } = await open({ maxBytes: 100, maxFiles: 3 })
    await append(lines, numbers(100, 145))
    const { read } = await open({ maxBytes: 100, maxFiles: 3 })
    expect(read).toEqual(numbers(120, 145))
    const sizes = await Promise.all(
      ['', '.1', '.2'].map(async (end) => (await readFile(`${path}${end}`)).byteLength),
    )
    expect(sizes).toEqual([50, 100, 100])
  })

  it('begins every file with the head', async () => {
    const options = { maxBytes: 50, maxFiles: 2, head: () => ({ head: 1 }) }
    const { lines } = await open(options)
    await append(lines, numbers(100, 108))
    const { read } = await open(options)
    expect(read).toEqual([{ head: 1 }, ...numbers(103, 106), { head: 1 }, ...numbers(106, 108)])
  })

  it('works with a single file', async () => {
    const { lines } = await open({ maxBytes: 30, maxFiles: 1 })
    await append(lines, numbers(100, 105))
    expect((await open({ maxFiles: 1 })).read).toEqual(numbers(103, 105))
  })

  it('leaves out what a full disk does not take, and goes on when there is room', async () => {
    let isFull = false
    const disk: Disk = {
      ...systemDisk,
      async open(path, mode) {
        const file = await systemDisk.open(path, mode)
        return {
          ...file,
          async write(bytes, offset) {
            if (isFull) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
            await file.write(bytes, offset)
          },
        }
      },
    }
    const { lines } = await open({}, disk)
    isFull = true
    await append(lines, numbers(0, 2))
    expect(lines.omitted).toBe(2)
    isFull = false
    await append(lines, numbers(2, 4))
    expect((await open()).read).toEqual(numbers(2, 4))
  })

  it('never lets more wait than a bounded number of lines', async () => {
    const { lines } = await open({ maxBytes: 1e6 })
    await append(lines, numbers(0, 5_000))
    expect(lines.omitted).toBeGreaterThan(0)
    expect((await open()).read.length + lines.omitted).toBe(5_000)
  })

  it('says which file cannot be used', async () => {
    await writeFile(join(dir, 'file'), '')
    await expect(open({ path: join(dir, 'file', 'log') })).rejects.toMatchObject({
      code: 'DiskFailed',
      message: expect.stringContaining(join('file', 'log')),
    })
  })
})
