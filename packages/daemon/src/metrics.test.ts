import { Priority, TaskType } from '@damselfly/api/common'
import { expect, it } from 'vitest'
import { startMetrics } from './http/observability.ts'
import { createMetrics, taskLabels } from './metrics.ts'

it('names where bytes came from as Dragonfly does', async () => {
  const { downloadTraffic, registry } = createMetrics('1')
  const types = ['back-to-source', 'remote-peer', 'local-peer'] as const
  for (const [index, type] of types.entries()) downloadTraffic.inc({ type }, index + 1)
  const text = await registry.metrics()
  expect(text).toContain('dragonfly_client_download_traffic{type="BACK_TO_SOURCE"} 1')
  expect(text).toContain('dragonfly_client_download_traffic{type="REMOTE_PEER"} 2')
  expect(text).toContain('dragonfly_client_download_traffic{type="LOCAL_PEER"} 3')
})

it('has one label for all types and priorities that there are not', () => {
  const known = { type: TaskType.STANDARD, priority: Priority.LEVEL6 }
  expect(taskLabels(known)).toEqual({ type: '0', priority: '6' })
  for (const number of [-1, 7, 1e9]) {
    const made = { type: number as TaskType, priority: number as Priority }
    expect(taskLabels(made)).toEqual({ type: 'other', priority: 'other' })
  }
})

it('keeps the version when all else is reset', async () => {
  const { downloads, registry } = createMetrics('1.2.3')
  downloads.inc({ type: '0', priority: '6' })
  const server = await startMetrics({ host: '127.0.0.1', port: 0 }, registry, async () => {})
  const url = `http://127.0.0.1:${server.port}/metrics`
  try {
    await fetch(url, { method: 'DELETE' })
    const text = await (await fetch(url)).text()
    expect(text).toMatch(/^dragonfly_client_version\{git_version="1\.2\.3",platform=".+"\} 1$/m)
    expect(text).not.toMatch(/download_task_total\{.*\} 1/)
  } finally {
    await server.close()
  }
})
