import { Bitset } from '@damselfly/core'
import type { PieceRecord, StoredTask } from '@damselfly/storage'
import { describe, expect, it } from 'vitest'
import { LiveTask } from './live-task.ts'

const record = (number: number): PieceRecord => ({
  number,
  offset: number,
  length: 1,
  digest: 'crc32:0',
  blake3: new Uint8Array(32),
  parentId: '',
  trafficType: 'back-to-source',
  costMs: 1,
  createdAt: 0,
})

/** A task of four pieces that holds the first. */
function liveTask(onFinished?: (record: PieceRecord) => void) {
  const have = new Bitset(4)
  have.set(0)
  const stored = { have, spec: { taskId: 't' } } as unknown as StoredTask
  return { live: new LiveTask(stored, onFinished), have }
}

describe('LiveTask', () => {
  it('lets one fetch at a time claim a missing piece', () => {
    const { live } = liveTask()
    expect(live.claim(0), 'a piece that is here').toBe(false)
    expect(live.claim(1)).toBe(true)
    expect(live.claim(1)).toBe(false)
    live.unclaim(1)
    expect(live.claim(1)).toBe(true)
  })

  it('tells listeners of pieces that arrive and of claims that failed', () => {
    const arrived: PieceRecord[] = []
    const { live, have } = liveTask((r) => arrived.push(r))
    const heard: string[] = []
    const stop = live.listen({
      finished: ({ number }) => heard.push(`finished ${number}`),
      released: (piece) => heard.push(`released ${piece}`),
    })
    live.claim(1)
    have.set(1)
    live.finished(record(1))
    live.claim(2)
    live.unclaim(2)
    live.unclaim(3)
    stop()
    live.finished(record(3))
    expect(heard).toEqual(['finished 1', 'released 2'])
    expect(arrived.map(({ number }) => number)).toEqual([1, 3])
  })

  it('is active while a job runs and says when the last one ends', () => {
    const { live } = liveTask()
    let inactive = 0
    live.listen({ inactive: () => (inactive += 1) })
    const leaveA = live.join()
    const leaveB = live.join()
    leaveA()
    leaveA()
    expect(live.isActive).toBe(true)
    leaveB()
    expect(live.isActive).toBe(false)
    expect(inactive).toBe(1)
  })

  it('knows who reads, and from where: first come, first served', () => {
    const { live } = liveTask()
    const heard: (number | undefined)[] = []
    live.listen({ read: () => heard.push(live.reader) })
    const leaveA = live.read(2)
    const leaveB = live.read(0)
    leaveA()
    leaveA()
    leaveB()
    expect(heard).toEqual([2, 2, 0, undefined])
  })

  it('makes each child the first for its share of the pieces', () => {
    const { live } = liveTask()
    const [a, b] = [live.addChild(), live.addChild()]
    expect([0, 1, 2, 3].map(a.isFirstFor)).toEqual([true, false, true, false])
    expect([0, 1, 2, 3].map(b.isFirstFor)).toEqual([false, true, false, true])
    a.leave()
    expect([0, 1].map(b.isFirstFor)).toEqual([true, true])
  })
})
