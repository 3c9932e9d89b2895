import { BenchError } from './bench.ts'

/**
 * How late the control thread of a daemon was, 99th percentile in ms since the last time that anybody looked at its metrics;
 * absent when it does not tell.
 */
export async function eventLoopDelayP99Ms(metricsUrl: string): Promise<number | undefined> {
  const seconds = metricOf(await metricsText(metricsUrl), 'nodejs_eventloop_lag_p99_seconds')
  return seconds === undefined ? undefined : seconds * 1_000
}

/** Bytes that a daemon has sent to peers. */
export async function uploadedBytes(metricsUrl: string): Promise<number> {
  return metricOf(await metricsText(metricsUrl), 'dragonfly_client_upload_traffic') ?? 0
}

/** Of a metric without labels, or the sum over its labels; absent when there is none or it says nothing. */
export function metricOf(text: string, name: string): number | undefined {
  const values = text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)))
  const sum = values.reduce((all, value) => all + value, 0)
  return values.length === 0 || Number.isNaN(sum) ? undefined : sum
}

async function metricsText(url: string): Promise<string> {
  const response = await fetch(url)
  const text = await response.text()
  if (!response.ok) throw new BenchError(`${url} answers ${response.status}: ${text}`)
  return text
}
