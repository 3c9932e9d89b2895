import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tmpDir } from '@damselfly/testkit'
import { expect, test } from 'vitest'
import { BenchError } from '../harness/bench.ts'
import { requireProgram } from '../harness/programs.ts'
import { buildLoopback } from './loopback.ts'

const { signal } = new AbortController()

function hasCompiler(): boolean {
  try {
    requireProgram('cc', 'gcc')
    return process.platform === 'linux'
  } catch {
    return false
  }
}

test.runIf(hasCompiler())(
  'every receiver gets the whole file, in every way, and leaves nothing behind',
  async () => {
    await using dir = await tmpDir()
    const file = join(dir.path, 'file')
    await writeFile(file, Buffer.alloc(3_000_000, 1))
    const loopback = await buildLoopback(dir.path, { log: () => {}, signal })
    expect(await loopback?.run('recv', file, 3)).toBeGreaterThan(0)
    expect(await loopback?.run('splice', file, 3)).toBeGreaterThan(0)
    expect(await loopback?.run('write', file, 3)).toBeGreaterThan(0)
    expect((await readdir(dir.path)).sort()).toEqual(['file', 'loopback'])
    await expect(loopback?.run('recv', `${file}-none`, 1)).rejects.toBeInstanceOf(BenchError)
  },
)

test('without a place to compile to, the limit is left out with a word', async () => {
  await using dir = await tmpDir()
  const said: string[] = []
  const log = (text: string): void => void said.push(text)
  expect(await buildLoopback(join(dir.path, 'none'), { log, signal })).toBeUndefined()
  expect(said.join()).toMatch(/^left out: the kernel's limit/)
})
