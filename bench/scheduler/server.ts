import { monitorEventLoopDelay } from 'node:perf_hooks'
import { loadConfig } from '@damselfly/core/config'
import { schedulerConfigSchema, startScheduler } from '@damselfly/scheduler'

// A scheduler in a process of its own, which tells its parent what it used.

export type ServerMessage =
  | { readonly type: 'started'; readonly port: number }
  | { readonly type: 'used'; readonly cpuSeconds: number; readonly lagP99Ms: number }

const RESOLUTION_MS = 1

const config = loadConfig({
  schema: schedulerConfigSchema,
  overrides: { server: { listenIP: '127.0.0.1', port: 0 } },
})
const scheduler = await startScheduler(config)
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
delay.enable()
let cpu = process.cpuUsage()

/** Each message asks for what was used since the last one. */
process.on('message', () => {
  const { user, system } = process.cpuUsage(cpu)
  cpu = process.cpuUsage()
  // The timer itself comes after its resolution.
  const lagP99Ms = Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS)
  delay.reset()
  say({ type: 'used', cpuSeconds: (user + system) / 1e6, lagP99Ms })
})
process.once('disconnect', () => void scheduler.stop())
say({ type: 'started', port: scheduler.endpoint.port })

function say(message: ServerMessage): void {
  process.send?.(message)
}
