import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  ClientParamsSchema,
  type FollowRequest,
  type FollowResponseSchema,
} from '@damselfly/api/swarm'
import { AsyncQueue, DfError, seededRandom, silentLog } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SchedulerFollowing } from './scheduler-following.ts'
import type { SchedulerLink } from './scheduler-pool.ts'

type Response = MessageInitShape<typeof FollowResponseSchema>

/** A scheduler whose stream is two queues. */
function setUp({ hasHost = true }: { hasHost?: boolean } = {}) {
  const clock = new FakeClock()
  const requests: FollowRequest[] = []
  const calls: AsyncQueue<Response>[] = []
  const announced: string[] = []
  const follow = async function* (incoming: AsyncIterable<FollowRequest>) {
    if (!hasHost && announced.length === 0) throw new DfError('HostNotFound', 'who?')
    const answers = new AsyncQueue<Response>(1_000)
    calls.push(answers)
    void (async () => {
      for await (const request of incoming) requests.push(request)
    })().catch(() => {})
    yield* answers
  }
  const link = { address: 'scheduler', swarm: { follow } } as unknown as SchedulerLink
  const held = [[{ taskId: 'a' }], [{ taskId: 'b' }]]
  const following = new SchedulerFollowing(link, {
    hostId: 'host',
    inventory: () => held,
    announce: async () => void announced.push('host'),
    clock,
    random: seededRandom(1),
    log: silentLog,
  })
  const controller = new AbortController()
  const running = following.run(controller.signal)
  onTestFinished(async () => {
    controller.abort()
    for (const call of calls) call.close()
    await running
  })
  const say = (response: NonNullable<Response['response']>): void => {
    calls.at(-1)?.push({ response })
  }
  return { clock, following, requests, say, calls, announced }
}

/** Lets what is under way go on until it is so. */
const settled = async (check: () => boolean): Promise<void> => {
  for (let turns = 0; turns < 1_000 && !check(); turns++) {
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  expect(check()).toBe(true)
}

describe('SchedulerFollowing', () => {
  test('is open when the scheduler has taken the inventory', async () => {
    const { following, say, calls, requests } = setUp()
    await settled(() => calls.length === 1)
    say({ case: 'welcome', value: { instance: 'x' } })
    say({ case: 'inventoryTaken', value: { count: 1n } })
    await settled(() => true)
    expect(following.isOpen).toBe(false)
    say({ case: 'inventoryTaken', value: { count: 2n } })
    await settled(() => following.isOpen)
    await following.ready(new AbortController().signal)
    expect(requests.map(({ request }) => request.case)).toEqual(['hello', 'inventory', 'inventory'])
  })

  test('sends reports that come together in one message', async () => {
    const { following, say, calls, requests } = setUp()
    await settled(() => calls.length === 1)
    say({ case: 'welcome', value: { instance: 'x' } })
    say({ case: 'inventoryTaken', value: { count: 2n } })
    await settled(() => following.isOpen)
    following.report({ peerId: 'a' })
    following.askParents({ peerId: 'a', dropped: ['b'], reason: 'lost' })
    following.report({ peerId: 'c' })
    await settled(() => requests.length === 5)
    expect(requests.slice(3).map(({ request }) => request)).toMatchObject([
      { case: 'reports', value: { reports: [{ peerId: 'a' }, { peerId: 'c' }] } },
      { case: 'askParents', value: { peerId: 'a', dropped: ['b'] } },
    ])
  })

  test('tells its inventory again only to another instance', async () => {
    const { clock, following, say, calls } = setUp()
    await settled(() => calls.length === 1)
    say({ case: 'welcome', value: { instance: 'x' } })
    say({ case: 'inventoryTaken', value: { count: 2n } })
    await settled(() => following.isOpen)
    calls[0]?.close()
    await settled(() => !following.isOpen)
    await clock.advance(2_000)
    await settled(() => calls.length === 2)
    say({ case: 'welcome', value: { instance: 'x' } })
    await settled(() => following.isOpen)
  })

  test('announces the host to a scheduler that does not know it', async () => {
    const { clock, calls, announced } = setUp({ hasHost: false })
    await settled(() => announced.length === 1)
    await clock.advance(2_000)
    await settled(() => calls.length === 1)
  })

  test('passes on how a peer is to exchange pieces, as long as somebody listens', async () => {
    const { following, say, calls } = setUp()
    const told: number[] = []
    const stop = following.onParams('me', ({ concurrency }) => told.push(concurrency))
    await settled(() => calls.length === 1)
    for (const [peerId, concurrency] of [
      ['me', 3],
      ['other', 4],
    ] as const) {
      say({ case: 'clientParams', value: create(ClientParamsSchema, { peerId, concurrency }) })
    }
    await settled(() => told.length === 1)
    stop()
    say({ case: 'clientParams', value: create(ClientParamsSchema, { peerId: 'me' }) })
    await settled(() => true)
    expect(told).toEqual([3])
  })

  test('a download does not wait long for a scheduler that does not answer', async () => {
    const { clock, following } = setUp()
    const ready = following.ready(new AbortController().signal)
    await clock.advance(2_000)
    await ready
    expect(following.isOpen).toBe(false)
    expect(following.askParents({ peerId: 'me', dropped: [], reason: 'slow' })).toBe(false)
  })
})
