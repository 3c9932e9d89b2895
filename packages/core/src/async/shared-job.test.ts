import { describe, expect, it } from 'vitest'
import { type Deferred, deferred } from './deferred.ts'
import { SharedJob } from './shared-job.ts'

function controlled(): { job: SharedJob<string>; end: Deferred<string>; signals: AbortSignal[] } {
  const end = deferred<string>()
  const signals: AbortSignal[] = []
  const job = new SharedJob((signal) => {
    signals.push(signal)
    return end.promise
  })
  return { job, end, signals }
}

describe('SharedJob', () => {
  it('runs once, not before somebody joins, for all who join', async () => {
    const { job, end, signals } = controlled()
    expect(signals).toHaveLength(0)
    const waiting = [job.join(), job.join(new AbortController().signal)]
    expect(job.waiters).toBe(2)
    end.resolve('result')
    expect(await Promise.all(waiting)).toEqual(['result', 'result'])
    expect(signals).toHaveLength(1)
  })

  it('gives its result to those who come after the end', async () => {
    const { job, end, signals } = controlled()
    end.resolve('result')
    await job.join()
    expect(await job.join()).toBe('result')
    expect(job.isJoinable).toBe(true)
    expect(signals).toHaveLength(1)
    expect(signals[0]?.aborted).toBe(false)
  })

  it('gives its failure to all, also to those who come after the end', async () => {
    const { job, end } = controlled()
    const waiting = [job.join(), job.join()]
    end.reject(new Error('broken'))
    for (const wait of waiting) await expect(wait).rejects.toThrow('broken')
    await expect(job.join()).rejects.toThrow('broken')
  })

  it('turns what is thrown before the first promise into a rejection', async () => {
    const job = new SharedJob(() => {
      throw new Error('at once')
    })
    await expect(job.join()).rejects.toThrow('at once')
  })

  it('goes on while one waiter is left', async () => {
    const { job, end, signals } = controlled()
    const leaver = new AbortController()
    const leaves = job.join(leaver.signal)
    const stays = job.join()
    leaver.abort(new Error('no longer needed'))
    await expect(leaves).rejects.toThrow('no longer needed')
    expect(signals[0]?.aborted).toBe(false)
    end.resolve('result')
    expect(await stays).toBe('result')
  })

  it('is aborted with the reason of the last waiter, and cannot be joined any more', async () => {
    const { job, signals } = controlled()
    const leavers = [new AbortController(), new AbortController()]
    const waiting = leavers.map((leaver) => job.join(leaver.signal))
    leavers[0]?.abort(new Error('first'))
    await expect(waiting[0]).rejects.toThrow('first')
    leavers[1]?.abort(new Error('last'))
    await expect(waiting[1]).rejects.toThrow('last')
    expect(signals[0]?.reason).toEqual(new Error('last'))
    expect(job.isJoinable).toBe(false)
    await expect(job.join()).rejects.toThrow('last')
    expect(signals).toHaveLength(1)
  })

  it('leaves no unhandled rejection when the abandoned work fails', async () => {
    const { job, end } = controlled()
    const leaver = new AbortController()
    const wait = job.join(leaver.signal)
    leaver.abort(new Error('left'))
    await expect(wait).rejects.toThrow('left')
    end.reject(new Error('nobody listens'))
    await expect(end.promise).rejects.toThrow()
  })

  it('does not start for somebody who has already left', async () => {
    const { job, signals } = controlled()
    await expect(job.join(AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone')
    expect(signals).toHaveLength(0)
    expect(job.isJoinable).toBe(true)
  })
})
