import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { type DelayHistogram, watchProcess } from './process-metrics.ts'

class Delays implements DelayHistogram {
  count = 0
  max = 0
  isEnabled = false
  enable(): boolean {
    this.isEnabled = true
    return true
  }
  disable(): boolean {
    this.isEnabled = false
    return true
  }
  percentile = (quantile: number): number => (this.max * quantile) / 100
  reset(): void {
    this.count = 0
  }
}

it('shows how late the control thread was since the last look', async () => {
  const registry = new Registry()
  const delays = new Delays()
  const stop = watchProcess(registry, delays)
  const read = async (): Promise<Record<string, number>> => {
    const lines = (await registry.metrics()).split('\n').filter((line) => /^[a-z]/.test(line))
    return Object.fromEntries(lines.map((line) => line.split(' ')).map(([k, v]) => [k, Number(v)]))
  }
  expect(await read()).toMatchObject({ nodejs_eventloop_lag_p99_seconds: 0 })
  Object.assign(delays, { count: 5, max: 110e6 })
  const late = await read()
  expect(late.nodejs_eventloop_lag_max_seconds).toBeCloseTo(0.1)
  expect(late.nodejs_eventloop_lag_p99_seconds).toBeCloseTo(0.0989)
  expect(late.nodejs_eventloop_lag_p50_seconds).toBeCloseTo(0.045)
  expect(late.process_resident_memory_bytes).toBeGreaterThan(1e6)
  expect(await read()).toMatchObject({ nodejs_eventloop_lag_max_seconds: 0 })
  stop()
  expect(delays.isEnabled).toBe(false)
})
