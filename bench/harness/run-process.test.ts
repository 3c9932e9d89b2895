import { expect, test } from 'vitest'
import { BenchError } from './bench.ts'
import { peakRssMiB, runProcess } from './run-process.ts'

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

test.runIf(process.platform === 'linux')('the peak memory of a program is known', async () => {
  const big = node('globalThis.big = Buffer.alloc(100 << 20, 1); setTimeout(() => {}, 100)')
  const run = await runProcess(big, { isRssWanted: true })
  expect(run.peakRssMiB).toBeGreaterThan(100)
  expect(peakRssMiB(process.pid)).toBeGreaterThan(10)
})

test('the memory of a process that is gone is 0', () => {
  expect(peakRssMiB(0)).toBe(0)
})
