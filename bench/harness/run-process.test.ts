import { expect, test } from 'vitest'
import { BenchError } from './bench.ts'
import { runProcess } from './run-process.ts'

const node = (script: string): string[] => [process.execPath, '-e', script]

test('a program is timed from its start to its end', async () => {
  const { ms } = await runProcess(node('setTimeout(() => {}, 100)'))
  expect(ms).toBeGreaterThan(100)
})

test('a program that fails is an error with what it said', async () => {
  const running = runProcess(node('console.error("no luck"); process.exit(3)'))
  await expect(running).rejects.toThrow(/failed \(3\): no luck/)
  await expect(running).rejects.toBeInstanceOf(BenchError)
})

test.runIf(process.platform === 'linux')('what a program costs is known', async () => {
  const big = node('globalThis.big = Buffer.alloc(100 << 20, 1); setTimeout(() => {}, 100)')
  const run = await runProcess(big, { isCostWanted: true })
  expect(run.peakRssMiB).toBeGreaterThan(100)
  expect(run.cpuMs).toBeGreaterThan(0)
})

test('nobody looks when the cost is not asked for', async () => {
  expect(await runProcess(node('0'))).toMatchObject({ cpuMs: 0, peakRssMiB: 0 })
})
