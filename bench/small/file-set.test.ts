import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tmpDir } from '@damselfly/testkit'
import { expect, test } from 'vitest'
import { checkCopies, emptyDir, fileNames, writeFileSet } from './file-set.ts'

const set = { name: 'some', count: 3, sizeBytes: 100 }

test('names are as many as files, in order', () => {
  expect(fileNames(set)).toEqual(['f000000', 'f000001', 'f000002'])
})

test('equal copies pass, short, wrong and missing ones do not', async () => {
  await using dir = await tmpDir()
  const dirs = { original: join(dir.path, 'a'), copies: join(dir.path, 'b') }
  await writeFileSet(set, dirs.original)
  await writeFileSet(set, dirs.copies)
  await checkCopies(set, dirs, true)
  await writeFile(join(dirs.copies, 'f000001'), Buffer.alloc(100))
  await checkCopies(set, dirs, false)
  await expect(checkCopies(set, dirs, true)).rejects.toThrow('f000001 is not the file.')
  await writeFile(join(dirs.copies, 'f000001'), Buffer.alloc(99))
  await expect(checkCopies(set, dirs, false)).rejects.toThrow('f000001 is not the file.')
  await emptyDir(dirs.copies)
  await expect(checkCopies(set, dirs, false)).rejects.toThrow(/ENOENT/)
})
