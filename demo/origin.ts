// The origin of the demo: an HTTP server with one file, as a process of its own, so that nothing but the network
// connects it with the swarm. Its parent is told the URL and, after that, how many bytes have been sent.
import { basename } from 'node:path'
import { startOrigin } from '@damselfly/testkit'

export type OriginMessage = { readonly url: string } | { readonly sentBytes: number }

const reportIntervalMs = 100

const file = process.argv[2]
if (file === undefined) throw new Error('usage: node demo/origin.ts FILE')

// Ctrl-C reaches the whole process group; the parent still wants the last count, and disconnects when it is done.
process.on('SIGINT', () => {})
const origin = await startOrigin()
process.once('disconnect', () => void origin.stop())
tell({ url: origin.put(encodeURIComponent(basename(file)), { file }) })
// What the parent asks is always the same.
process.on('message', () => report())

let reportedBytes = 0
setInterval(() => {
  if (origin.counters().bodyBytes !== reportedBytes) report()
}, reportIntervalMs).unref()

function report(): void {
  reportedBytes = origin.counters().bodyBytes
  tell({ sentBytes: reportedBytes })
}

function tell(message: OriginMessage): void {
  if (process.connected) process.send?.(message)
}
