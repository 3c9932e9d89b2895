import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { constants, zstdCompressSync } from 'node:zlib'
import { tmpDir } from '@damselfly/testkit'
import { expect, test } from 'vitest'
import { logBlock, textFile } from './text-file.ts'

test('a file of log lines has its size and its digest', async () => {
  await using dir = await tmpDir()
  const path = join(dir.path, 'log')
  const sha256 = await textFile(path, 3)
  const content = await readFile(path)
  expect(content.byteLength).toBe(3 * 1024 ** 2)
  expect(createHash('sha256').update(content).digest('hex')).toBe(sha256)
  expect(content.subarray(0, 1024 ** 2).equals(logBlock(0))).toBe(true)
  expect(content.subarray(1024 ** 2, 2 * 1024 ** 2).equals(logBlock(0))).toBe(false)
})

test('it shrinks to about a third', () => {
  const params = { [constants.ZSTD_c_compressionLevel]: 1 }
  const shrunk = zstdCompressSync(logBlock(1), { params })
  expect(logBlock(1).byteLength / shrunk.byteLength).toBeGreaterThan(2.5)
  expect(logBlock(1).byteLength / shrunk.byteLength).toBeLessThan(4)
})
