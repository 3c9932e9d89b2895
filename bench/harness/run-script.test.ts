import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tmpDir } from '@damselfly/testkit'
import { expect, test } from 'vitest'
import { BenchError } from './bench.ts'
import { runScript } from './run-script.ts'

const { signal } = new AbortController()

async function running(code: string): Promise<unknown> {
  await using dir = await tmpDir()
  const file = join(dir.path, 'script.mjs')
  await writeFile(file, code)
  return await runScript(file, { some: 1 }, signal)
}

test('a script gets its argument, and its answer comes back', async () => {
  const code = 'gc(); console.log(JSON.stringify({ got: JSON.parse(process.argv[2]) }))'
  expect(await running(code)).toEqual({ got: { some: 1 } })
})

test('a script that fails is an error with what it said', async () => {
  const failing = running('console.error("no luck"); process.exit(1)')
  await expect(failing).rejects.toThrow(/no luck/)
  await expect(failing).rejects.toBeInstanceOf(BenchError)
})

test('a script that prints no JSON is an error', async () => {
  await expect(running('console.log("hello")')).rejects.toBeInstanceOf(BenchError)
})
