import { describe, expect, it } from 'vitest'
import { deferred } from '../async/deferred.ts'
import type { Running } from './running.ts'
import { ServiceStack, startWith } from './service-stack.ts'

function fakePart(stopped: string[], name: string) {
  const closed = deferred()
  const stop = async (): Promise<void> => {
    stopped.push(name)
    closed.resolve()
  }
  const part: Running = { closed: closed.promise, stop, [Symbol.asyncDispose]: stop }
  return { part, die: (error: unknown) => closed.reject(error) }
}

describe('ServiceStack', () => {
  it('stops in reverse order, once, and then closes', async () => {
    const stopped: string[] = []
    const stack = new ServiceStack()
    for (const name of ['a', 'b', 'c']) stack.use(name, fakePart(stopped, name).part)
    const running = stack.toRunning()
    expect(running.stop()).toBe(running.stop())
    await running.stop()
    await running.closed
    expect(stopped).toEqual(['c', 'b', 'a'])
  })

  it('stops every part although one fails, and names that one', async () => {
    const stopped: string[] = []
    const stack = new ServiceStack()
    stack.push('first', () => void stopped.push('first'))
    stack.push('broken', () => {
      throw new Error('will not stop')
    })
    const running = stack.toRunning()
    await expect(running.stop()).rejects.toThrow('stopping broken failed: Error: will not stop')
    await expect(running.closed).rejects.toThrow('stopping broken failed')
    expect(stopped).toEqual(['first'])
  })

  it('dies with a part that dies, and stops the others', async () => {
    const stopped: string[] = []
    const stack = new ServiceStack()
    const a = fakePart(stopped, 'a')
    const b = fakePart(stopped, 'b')
    stack.use('a', a.part)
    stack.use('b', b.part)
    const running = stack.toRunning()
    b.die(new Error('lost the disk'))
    await expect(running.closed).rejects.toThrow('lost the disk')
    await running.stop()
    expect(stopped).toEqual(['b', 'a'])
  })

  it('stops a part that comes after the end of the whole', async () => {
    const stopped: string[] = []
    const stack = new ServiceStack()
    await stack.unwind()
    stack.push('late', () => void stopped.push('late'))
    await stack.unwind()
    expect(stopped).toEqual(['late'])
  })

  it('closes after all parts when one of them asks for the stop while it is stopped', async () => {
    const order: string[] = []
    const stack = new ServiceStack()
    stack.push('slow', async () => {
      await Promise.resolve()
      order.push('slow')
    })
    stack.push('asks', () => void stack.unwind())
    const running = stack.toRunning()
    const closed = running.closed.then(() => order.push('closed'))
    await running.stop()
    await closed
    expect(order).toEqual(['slow', 'closed'])
  })
})

describe('startWith', () => {
  it('hands back what was started', async () => {
    const running = await startWith(async (stack) => stack.toRunning())
    await running.stop()
    await running.closed
  })

  it('stops what had been started when the rest fails', async () => {
    const stopped: string[] = []
    const start = startWith(async (stack) => {
      stack.use('a', fakePart(stopped, 'a').part)
      throw new Error('port taken')
    })
    await expect(start).rejects.toThrow('port taken')
    expect(stopped).toEqual(['a'])
  })

  it('fails when a part dies during the start, and stops also what came later', async () => {
    const stopped: string[] = []
    const dying = fakePart(stopped, 'dying')
    const start = startWith(async (stack) => {
      stack.use('dying', dying.part)
      dying.die(new Error('died early'))
      await Promise.resolve()
      await Promise.resolve()
      stack.use('later', fakePart(stopped, 'later').part)
      return stack.toRunning()
    })
    await expect(start).rejects.toThrow('died early')
    expect(stopped.sort()).toEqual(['dying', 'later'])
  })
})
