import { MessageChannel } from 'node:worker_threads'
import { DfError, isDfError } from '@damselfly/core'
import { expect, it, onTestFinished } from 'vitest'
import { type Methods, ThreadCalls } from './thread-calls.ts'

/** Two ends in one thread; messages are cloned all the same. */
function connect<Far extends Methods, Near extends Methods = Record<string, never>>(
  far: Far,
  near?: Near,
) {
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => {
    port1.close()
    port2.close()
  })
  return {
    calls: new ThreadCalls<Far>(port1, near ?? {}),
    back: new ThreadCalls<Near>(port2, far),
  }
}

it('carries answers, to each caller its own', async () => {
  const { calls } = connect({
    double: async (n: number) => n * 2,
    bytes: (text: string) => new TextEncoder().encode(text),
  })
  expect(await Promise.all([calls.call('double', 1), calls.call('double', 2)])).toEqual([2, 4])
  expect(await calls.call('bytes', 'ab')).toEqual(Uint8Array.of(97, 98))
  expect(calls.pending).toBe(0)
})

it('asks both ways', async () => {
  const { calls, back } = connect(
    {
      greet: async (name: string): Promise<string> => `${name} from ${await back.call('name', '')}`,
    },
    { name: () => 'near' },
  )
  expect(await calls.call('greet', 'hello')).toBe('hello from near')
})

it('keeps what an error is', async () => {
  const { calls } = connect({
    fail: () => {
      throw new DfError('DiskFull', 'No room.', {
        details: { path: '/x', list: [1], when: new Map() },
        retryable: true,
      })
    },
    crash: () => {
      throw new TypeError('not a function')
    },
  })
  const error = await calls.call('fail', undefined as never).catch((e: unknown) => e)
  expect(isDfError(error, 'DiskFull')).toBe(true)
  expect(error).toMatchObject({ message: 'No room.', blame: 'local', retryable: true })
  expect(error).toMatchObject({ details: { path: '/x', list: '[1]' } })
  await expect(calls.call('crash', undefined as never)).rejects.toMatchObject({ code: 'Internal' })
})

it('names a method that is not there', async () => {
  const { calls } = connect({} as { missing: () => void })
  await expect(calls.call('missing', undefined as never)).rejects.toThrow('"missing"')
})

it('tells of an abort and waits until the work has ended', async () => {
  let isWorking = true
  const { calls } = connect({
    work: async (_: undefined, signal: AbortSignal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      isWorking = false
      signal.throwIfAborted()
    },
  })
  const controller = new AbortController()
  const call = calls.call('work', undefined, controller.signal)
  const reason = new Error('enough')
  controller.abort(reason)
  await expect(call).rejects.toBe(reason)
  expect(isWorking).toBe(false)
})

it('fails what is under way, and what comes later, when the other side is gone', async () => {
  const { calls } = connect({ never: () => new Promise<void>(() => {}) })
  const call = calls.call('never', undefined as never)
  const death = new DfError('Internal', 'dead', { retryable: true })
  calls.break(death)
  await expect(call).rejects.toBe(death)
  await expect(calls.call('never', undefined as never)).rejects.toBe(death)
})
