import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { Gauge, type Registry } from 'prom-client'

const resolutionMs = 10
const quantiles = [50, 90, 99] as const

/** The parts of Node's histogram of event loop delays that are used; nanoseconds. */
export type DelayHistogram = Pick<
  IntervalHistogram,
  'enable' | 'disable' | 'reset' | 'count' | 'max' | 'percentile'
>

/**
 * Memory of the process and how late its control thread is, under the names that Prometheus' clients for Node use. The delays
 * are those since the last look. The returned function ends the watch.
 */
export function watchProcess(
  registry: Registry,
  delay: DelayHistogram = monitorEventLoopDelay({ resolution: resolutionMs }),
): () => void {
  delay.enable()
  const gauge = (name: string, help: string, collect: (gauge: Gauge) => void) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        collect(this)
      },
    })
  // What is measured contains the timer's own period, and a histogram without samples has no numbers.
  const lateSec = (ns: number): number => Math.max(0, ns / 1e9 - resolutionMs / 1e3)
  const set = (to: Gauge, ns: () => number): void => to.set(delay.count === 0 ? 0 : lateSec(ns()))
  gauge(
    'process_resident_memory_bytes',
    'Resident memory of the process, threads included.',
    (rss) => rss.set(process.memoryUsage.rss()),
  )
  for (const quantile of quantiles) {
    gauge(
      `nodejs_eventloop_lag_p${quantile}_seconds`,
      `The ${quantile}th percentile of the event loop delays since the last look.`,
      (lag) => set(lag, () => delay.percentile(quantile)),
    )
  }
  // Collected last, since a registry asks in the order of registration.
  gauge(
    'nodejs_eventloop_lag_max_seconds',
    'The longest event loop delay since the last look.',
    (lag) => {
      set(lag, () => delay.max)
      delay.reset()
    },
  )
  return () => void delay.disable()
}
