import { mkdtemp, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemDisk as disk, errorCode } from './disk.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'disk-'))
})
afterEach(async () => {
  await disk.remove(dir)
})

async function write(path: string, text: string): Promise<void> {
  const file = await disk.open(path, 'wx+')
  await file.write(Buffer.from(text), 0)
  await file.sync()
  await file.close()
}

async function read(path: string, size = 100, offset = 0): Promise<string> {
  const file = await disk.open(path, 'r')
  const buffer = Buffer.alloc(size)
  const length = await file.read(buffer, offset)
  await file.close()
  return buffer.toString('utf8', 0, length)
}

const codeOf = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(() => undefined, errorCode)

describe('systemDisk', () => {
  it('reads what was written, short only at the end of the file', async () => {
    const path = join(dir, 'a')
    await write(path, 'hello')
    expect(await read(path)).toBe('hello')
    expect(await read(path, 3, 1)).toBe('ell')
    expect(await read(path, 3, 5)).toBe('')
  })

  it('changes and cuts an existing file', async () => {
    const path = join(dir, 'a')
    await write(path, 'hello')
    const file = await disk.open(path, 'r+')
    await file.write(Buffer.from('J'), 0)
    await file.truncate(4)
    await file.close()
    expect(await read(path)).toBe('Jell')
  })

  it('links, renames and removes', async () => {
    const path = (name: string): string => join(dir, name)
    await write(path('a'), 'x')
    await disk.link(path('a'), path('b'))
    await disk.rename(path('a'), path('d'))
    expect((await disk.readdir(dir)).sort()).toEqual(['b', 'd'])
    const inodeOf = async (name: string) => (await disk.stat(path(name)))?.inode
    expect(await inodeOf('b')).toBe(await inodeOf('d'))
    await disk.remove(path('b'))
    await disk.remove(path('b'))
    expect(await disk.stat(path('b'))).toBeUndefined()
  })

  it('knows files from directories and makes the latter in depth', async () => {
    await disk.mkdir(join(dir, 'x', 'y'))
    await disk.mkdir(join(dir, 'x', 'y'))
    await write(join(dir, 'x', 'f'), '123')
    expect(await disk.stat(join(dir, 'x', 'y'))).toMatchObject({ isDirectory: true })
    const stat = await disk.stat(join(dir, 'x', 'f'))
    expect(stat).toMatchObject({ isFile: true, isDirectory: false, sizeBytes: 3, links: 1 })
  })

  it('counts the names and the blocks of a file', async () => {
    const path = join(dir, 'a')
    const file = await disk.open(path, 'wx+')
    await file.truncate(50_000_000)
    await file.write(Buffer.alloc(4096, 1), 0)
    await file.datasync()
    expect(typeof file.descriptor).toBe('number')
    await file.close()
    await disk.link(path, join(dir, 'b'))
    await disk.syncDirectory(dir)
    const found = await disk.stat(path)
    expect(found).toMatchObject({ links: 2, sizeBytes: 50_000_000 })
    expect(found?.allocatedBytes).toBeGreaterThanOrEqual(4096)
    expect(found?.allocatedBytes).toBeLessThan(1_000_000)
    expect(await codeOf(disk.syncDirectory(join(dir, 'none')))).toBe('ENOENT')
  })

  it('never overwrites with a new file, a link or a clone', async () => {
    const [a, b] = [join(dir, 'a'), join(dir, 'b')]
    await write(a, 'a')
    await write(b, 'b')
    expect(await codeOf(disk.open(b, 'wx+'))).toBe('EEXIST')
    expect(await codeOf(disk.link(a, b))).toBe('EEXIST')
    expect(await disk.clone(a, b)).toBe(false)
    expect(await read(b)).toBe('b')
  })

  it('clones where the file system shares blocks, and leaves nothing behind where it cannot', async () => {
    const [a, b] = [join(dir, 'a'), join(dir, 'b')]
    await write(a, 'a')
    const cloned = await disk.clone(a, b)
    expect((await disk.stat(b)) !== undefined).toBe(cloned)
  })

  it('takes and gives the right to write', async () => {
    const path = join(dir, 'a')
    await write(path, 'a')
    await disk.setWritable(path, false)
    expect((await stat(path)).mode & 0o222).toBe(0)
    await disk.setWritable(path, true)
    expect((await stat(path)).mode & 0o200).toBe(0o200)
  })

  it('passes on the codes of the system', async () => {
    expect(await codeOf(disk.open(join(dir, 'none'), 'r'))).toBe('ENOENT')
    expect(await codeOf(disk.readdir(join(dir, 'none')))).toBe('ENOENT')
    await write(join(dir, 'f'), '')
    expect(await codeOf(disk.stat(join(dir, 'f', 'below')))).toBe('ENOTDIR')
  })

  it('knows the space of the file system', async () => {
    const { totalBytes, freeBytes } = await disk.space(dir)
    expect(freeBytes > 0 && freeBytes <= totalBytes).toBe(true)
  })
})

it('errorCode finds no code where there is none', () => {
  for (const thrown of [undefined, null, 'ENOENT', new Error('x'), { code: 5 }]) {
    expect(errorCode(thrown)).toBeUndefined()
  }
})
