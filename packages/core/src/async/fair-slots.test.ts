import { expect, it } from 'vitest'
import { FairSlots, type SlotClaim } from './fair-slots.ts'

/** Claims in this order while the only slot is taken; returns in which order they get it. */
async function order(claims: readonly (SlotClaim & { name: string })[]): Promise<string[]> {
  const slots = new FairSlots(1)
  const release = await slots.acquire({ rank: 0, key: '' })
  const served: string[] = []
  const all = claims.map(async ({ name, ...claim }) => {
    const done = await slots.acquire(claim)
    served.push(name)
    done()
  })
  release()
  await Promise.all(all)
  return served
}

it('gives out as many slots as there are', async () => {
  const slots = new FairSlots(2)
  const first = await slots.acquire({ rank: 0, key: 'a' })
  await slots.acquire({ rank: 0, key: 'a' })
  let isServed = false
  const third = slots.acquire({ rank: 0, key: 'a' }).then(() => {
    isServed = true
  })
  await Promise.resolve()
  expect([isServed, slots.waiting]).toEqual([false, 1])
  first()
  first()
  await third
  expect(slots.waiting).toBe(0)
})

it('serves higher ranks first', async () => {
  const claims = [1, 6, 3].map((rank) => ({ rank, key: 'k', name: String(rank) }))
  expect(await order(claims)).toEqual(['6', '3', '1'])
})

it('serves the keys of a rank in turn', async () => {
  const claims = ['a1', 'a2', 'a3', 'b1', 'c1', 'c2'].map((name) => ({
    rank: 1,
    key: name.charAt(0),
    name,
  }))
  expect(await order(claims)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3'])
})

it('forgets who gives up waiting', async () => {
  const slots = new FairSlots(1)
  const release = await slots.acquire({ rank: 0, key: 'a' })
  const controller = new AbortController()
  const reason = new Error('enough')
  const given = slots.acquire({ rank: 9, key: 'b' }, controller.signal)
  const next = slots.acquire({ rank: 1, key: 'c' })
  controller.abort(reason)
  await expect(given).rejects.toBe(reason)
  release()
  await next
  expect(slots.waiting).toBe(0)
})

it('refuses when too many wait', async () => {
  const slots = new FairSlots(0, { maxWaiting: 1 })
  void slots.acquire({ rank: 0, key: 'a' })
  await expect(slots.acquire({ rank: 0, key: 'a' })).rejects.toMatchObject({ code: 'Overloaded' })
})
