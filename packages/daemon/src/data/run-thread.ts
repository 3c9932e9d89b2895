import { parentPort, workerData } from 'node:worker_threads'
import { DfError } from '@damselfly/core'
import { receiveMethods } from './receive-thread.ts'
import { sendMethods } from './send-thread.ts'
import { type Methods, ThreadCalls } from './thread-calls.ts'
import type { ThreadContext } from './thread-context.ts'
import { forwardedLog } from './thread-log.ts'
import type { LogMethods, ThreadData } from './thread-methods.ts'

// What runs on a thread of the data plane: one role, told by the control thread what to do.

const port = parentPort
if (port === null) throw new DfError('Internal', 'This module runs on a thread only.')

const { role, ...settings } = workerData as ThreadData
if (role === 'receive') run(receiveMethods)
else run(sendMethods)

function run<Control extends LogMethods>(
  methods: (context: ThreadContext<Control>) => Methods,
): void {
  const log = forwardedLog((line) => (calls as ThreadCalls<LogMethods>).tell('log', line))
  const local = methods({ log, ...settings, control: () => calls })
  const calls: ThreadCalls<Control> = new ThreadCalls(port as NonNullable<typeof port>, local)
}
