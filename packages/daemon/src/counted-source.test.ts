import { DfError } from '@damselfly/core'
import type { Source } from '@damselfly/sources'
import { expect, it } from 'vitest'
import { countedSource } from './counted-source.ts'
import { createMetrics } from './metrics.ts'

it('counts requests to origins, and those that fail but not those that were given up', async () => {
  const metrics = createMetrics('1')
  const source = {
    schemes: ['https'],
    stat: async () => ({ contentLength: 1, header: {} }),
    read: async (_request, { signal }) => {
      signal?.throwIfAborted()
      throw new DfError('SourceRefused', 'no')
    },
    close: async () => {},
  } satisfies Source
  const counted = countedSource(source, metrics)
  const request = { url: new URL('https://example.com/a'), header: {} }
  await counted.stat(request, {})
  await expect(counted.read(request, {})).rejects.toThrow('no')
  await expect(counted.read(request, { signal: AbortSignal.abort() })).rejects.toThrow()
  const text = await metrics.registry.metrics()
  expect(text).toContain('backend_request_total{scheme="https",method="HEAD"} 1')
  expect(text).toContain('backend_request_total{scheme="https",method="GET"} 2')
  expect(text).toContain('backend_request_failure_total{scheme="https",method="GET"} 1')
  expect(text).not.toContain('backend_request_failure_total{scheme="https",method="HEAD"}')
})
