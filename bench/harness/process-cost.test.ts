import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import {
  cpuMs,
  dataThreads,
  measureProcess,
  measureProcesses,
  peakRssMiB,
  rssMiB,
} from './process-cost.ts'

test('of a process that is gone nothing is known', () => {
  expect([peakRssMiB(0), rssMiB(0), cpuMs(0), dataThreads(0)]).toEqual([0, 0, 0, 0])
})

describe.runIf(process.platform === 'linux')('of a process that runs', () => {
  test('the memory is known', () => {
    expect(rssMiB(process.pid)).toBeGreaterThan(10)
    expect(peakRssMiB(process.pid)).toBeGreaterThanOrEqual(rssMiB(process.pid) - 1)
  })

  test('a measurement has the processor time since it began', () => {
    const end = measureProcess(process.pid)
    while (end().cpuMs < 30) Math.random()
    const { cpuMs: used, peakRssMiB: peak } = end()
    expect(used).toBeLessThan(cpuMs(process.pid))
    expect(peak).toBeGreaterThan(10)
  })

  test('of several the times add up and the highest peak counts', () => {
    const one = measureProcess(process.pid)
    const twice = measureProcesses([process.pid, process.pid])
    while (one().cpuMs < 30) Math.random()
    const [single, both] = [one(), twice()]
    expect(both.cpuMs).toBeGreaterThanOrEqual(2 * (single.cpuMs - 10))
    expect(both.peakRssMiB).toBeCloseTo(peakRssMiB(process.pid), -1)
  })

  test('threads of the data plane are counted by their name', async () => {
    const script = `
      const { Worker } = require('node:worker_threads')
      const start = (name) => new Worker('setInterval(() => {}, 1000)', { eval: true, name })
      const workers = ['damselfly-receive', 'damselfly-send', 'other'].map(start)
      Promise.all(workers.map((one) => new Promise((ready) => one.once('online', ready))))
        .then(() => console.log('ready'))`
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(child, 'exit')
    await once(child.stdout, 'data')
    expect(dataThreads(child.pid ?? 0)).toBe(2)
    child.kill('SIGKILL')
    await exited
  })
})
