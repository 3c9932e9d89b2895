import { expect, it } from 'vitest'
import { type Log, silentLog } from '../observe/log.ts'
import { background } from './background.ts'

it('logs a failure but not an abort', async () => {
  const logged: unknown[] = []
  const log: Log = { ...silentLog, child: () => log, warn: (data: unknown) => logged.push(data) }
  const failure = new Error('broken')
  background('refresh', Promise.reject(failure), log)
  background('aborted', Promise.reject(new DOMException('stop', 'AbortError')), log)
  background('fine', Promise.resolve(), log)
  await Promise.resolve()
  await Promise.resolve()
  expect(logged).toEqual([{ task: 'refresh', err: failure }])
})
