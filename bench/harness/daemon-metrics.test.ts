import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { eventLoopDelayP99Ms, metricOf, uploadedBytes } from './daemon-metrics.ts'

const text = `# HELP upload Bytes.
# TYPE upload counter
upload 12
upload_more 3
downloads{type="a b"} 1
downloads{type="c"} 2.5
empty NaN
`

test('a metric is found by its whole name, and summed over its labels', () => {
  expect(metricOf(text, 'upload')).toBe(12)
  expect(metricOf(text, 'downloads')).toBe(3.5)
})

test('a metric that is not there, or says nothing, is absent', () => {
  expect(metricOf(text, 'uploads')).toBeUndefined()
  expect(metricOf(text, 'empty')).toBeUndefined()
})

async function serving<T>(body: string, ask: (url: string) => Promise<T>, status = 200) {
  const server = createServer((_request, response) => response.writeHead(status).end(body))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    return await ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`)
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

test('the delay of the event loop is told in milliseconds', async () => {
  const late = 'nodejs_eventloop_lag_p99_seconds 0.0045\n'
  expect(await serving(late, eventLoopDelayP99Ms)).toBeCloseTo(4.5)
})

test('a daemon that does not tell its delay has none', async () => {
  expect(await serving('', eventLoopDelayP99Ms)).toBeUndefined()
})

test('what was sent to peers is known', async () => {
  expect(await serving('dragonfly_client_upload_traffic 77\n', uploadedBytes)).toBe(77)
})

test('metrics that cannot be had are an error', async () => {
  await expect(serving('no', uploadedBytes, 500)).rejects.toThrow(/answers 500: no/)
})
