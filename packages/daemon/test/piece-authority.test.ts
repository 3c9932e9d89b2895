import { Swarm } from '@damselfly/api/swarm'
import { asTaskId, silentLog, systemClock, systemNetwork } from '@damselfly/core'
import { loadConfig } from '@damselfly/core/config'
import { openBidi, openChannel } from '@damselfly/rpc'
import { type RunningScheduler, schedulerConfigSchema, startScheduler } from '@damselfly/scheduler'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SchedulerPool } from '../src/announce/scheduler-pool.ts'
import { openDigests, PieceAuthority } from '../src/download/piece-authority.ts'
import { FakeScheduler } from './fake-scheduler.ts'

// Daemons' side of damselfly.v1.Swarm/PieceDigests with the real scheduler over loopback.

const digests = (value: number) => ({ crc32: value, blake3: new Uint8Array(32).fill(value) })
const piece = (number: number, value: number) => ({ number, digests: digests(value) })
const never = new AbortController().signal
const real = { clock: systemClock, network: systemNetwork }
const taskId = asTaskId('a'.repeat(64))

let scheduler: RunningScheduler
let pool: SchedulerPool
let authorities: PieceAuthority[]

const start = (port = 0): Promise<RunningScheduler> =>
  startScheduler(
    loadConfig({
      schema: schedulerConfigSchema,
      overrides: { server: { listenIP: '127.0.0.1', port } },
    }),
  )

const poolOf = (address: string): SchedulerPool =>
  new SchedulerPool({ addresses: [address], ring: 'hrw', answerTimeoutMs: 5_000 }, real)

function authorityOf(hostId: string): { authority: PieceAuthority; contradictions: number[] } {
  const authority = new PieceAuthority(
    { taskId, hostId, pieceCount: 100 },
    { clock: systemClock, log: silentLog, openDigests },
  )
  authorities.push(authority)
  const contradictions: number[] = []
  authority.onContradiction((number) => contradictions.push(number))
  return { authority, contradictions }
}

function connected(hostId: string) {
  const made = authorityOf(hostId)
  made.authority.connect(pool.all()[0]!)
  return made
}

beforeEach(async () => {
  scheduler = await start()
  pool = poolOf(`127.0.0.1:${scheduler.endpoint.port}`)
  authorities = []
})
afterEach(async () => {
  for (const authority of authorities) authority.close()
  pool.close()
  await scheduler.stop()
})

describe('the piece authority', () => {
  it('tells one download what another took from the origin', async () => {
    const a = connected('a').authority
    const b = connected('b').authority
    const early = b.expected(0, never)
    expect(await a.record([piece(0, 7), piece(1, 8)], true)).toBe('accepted')
    expect(await early).toEqual(digests(7))
    const late = connected('c').authority
    expect(await late.expected(1, never)).toEqual(digests(8))
  })

  it('settles conflicting records: the origin over what is held, the first over the second', async () => {
    const holder = connected('holder')
    expect(await holder.authority.record([piece(0, 1)], false)).toBe('accepted')
    const first = connected('first')
    expect(await first.authority.record([piece(0, 2)], true)).toBe('accepted')
    await expect.poll(() => holder.contradictions).toEqual([0])
    const second = connected('second')
    expect(await second.authority.record([piece(0, 3)], true)).toBe('contradicted')
    expect(second.contradictions).toEqual([0])
    expect(await second.authority.expected(0, never)).toEqual(digests(2))
    expect(await holder.authority.expected(0, never)).toEqual(digests(2))
    expect(first.contradictions).toEqual([])
  })

  it('survives a scheduler that is restarted: who was there tells the new one', async () => {
    const a = connected('a').authority
    const b = connected('b').authority
    await a.record([piece(0, 7)], true)
    expect(await b.expected(0, never)).toEqual(digests(7))
    const { port } = scheduler.endpoint
    const waiting = b.expected(1, never)
    await scheduler.stop()
    expect(await waiting, 'nobody can say').toBeUndefined()
    expect(await a.record([piece(1, 8)], true)).toBe('unheard')
    expect(await b.expected(0, never), 'what is known stays known').toEqual(digests(7))

    scheduler = await start(port)
    a.connect(pool.all()[0]!, [{ ...piece(2, 9), fromOrigin: false }])
    b.connect(pool.all()[0]!)
    expect(await b.expected(1, never)).toEqual(digests(8))
    expect(await b.expected(2, never)).toEqual(digests(9))
    const liar = connected('liar')
    expect(await liar.authority.record([piece(0, 1)], true)).toBe('contradicted')
    await a.record([piece(2, 5)], true)
    expect(await b.expected(2, never)).toBeDefined()
  })

  it('is none where the scheduler speaks only Dragonfly', async () => {
    const dragonfly = new FakeScheduler()
    await dragonfly.start()
    const other = poolOf(dragonfly.address)
    try {
      const { authority } = authorityOf('a')
      authority.connect(other.all()[0]!)
      const expected = authority.expected(0, never)
      expect(await authority.record([piece(1, 1)], true)).toBe('unheard')
      expect(await expected).toBeUndefined()
      expect(authority.isConnected).toBe(false)
      authority.connect(pool.all()[0]!)
      expect(await connected('b').authority.expected(1, never), 'ours is told').toEqual(digests(1))
    } finally {
      other.close()
      await dragonfly.server.stop()
    }
  })

  it('is none where nobody listens', async () => {
    const nowhere = poolOf('127.0.0.1:1')
    const { authority } = authorityOf('a')
    authority.connect(nowhere.all()[0]!)
    expect(await authority.record([piece(1, 1)], true)).toBe('unheard')
    expect(await authority.expected(0, never)).toBeUndefined()
    nowhere.close()
  })

  it('leaves nothing behind at the scheduler when the download is over', async () => {
    const { authority } = connected('a')
    await authority.record([piece(0, 1)], true)
    expect(scheduler.core.state.digests.byCall.size).toBe(1)
    authority.close()
    await expect.poll(() => scheduler.core.state.digests.byCall.size).toBe(0)
  })

  it('ends when the content changes', async () => {
    const { authority } = connected('a')
    using channel = openChannel(scheduler.endpoint)
    const swarm = channel.client(Swarm)
    const resolve = async (etag: string, stale?: string) => {
      const facts = (tag: string) => ({ contentLength: 8n, responseHeader: { etag: tag } })
      const call = openBidi(swarm.resolveTask)
      const value = { taskId, hostId: 'x', ...(stale ? { stale: facts(stale) } : {}) }
      await call.send({ request: { case: 'ask', value } } as never)
      const responses = call.responses[Symbol.asyncIterator]()
      await responses.next()
      await call.send({ request: { case: 'found', value: facts(etag) } } as never)
      await responses.next()
    }
    await resolve('"1"')
    expect(await authority.record([piece(0, 1)], true)).toBe('accepted')
    await resolve('"2"', '"1"')
    await expect.poll(() => authority.isConnected).toBe(false)
    expect(await connected('b').authority.expected(0, never)).toBeUndefined()
  })
})
