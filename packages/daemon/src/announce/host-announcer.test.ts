import type { AnnounceHostRequest } from '@damselfly/api/scheduler'
import { DfError, type Log, silentLog } from '@damselfly/core'
import { loadConfig } from '@damselfly/core/config'
import { FakeClock } from '@damselfly/core/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { daemonConfigSchema } from '../config.ts'
import { HostAnnouncer } from './host-announcer.ts'
import { hostIdentity } from './host-identity.ts'
import type { SchedulerLink } from './scheduler-pool.ts'

function setUp() {
  const clock = new FakeClock(0)
  const warnings: unknown[] = []
  const log: Log = { ...silentLog, child: () => log, warn: (data: unknown) => warnings.push(data) }
  const links: SchedulerLink[] = []
  const announcer = new HostAnnouncer(
    {
      identity: hostIdentity({ ip: '10.0.0.1', hostname: 'a', isSeed: false }),
      config: loadConfig({ schema: daemonConfigSchema }),
      version: 'test',
      port: () => 4000,
      diskSpace: async () => ({ totalBytes: 2, freeBytes: 1 }),
    },
    // No pause is shortened.
    { clock, random: { next: () => 0, uuid: () => '' }, log, schedulers: { all: () => links } },
  )
  /** A scheduler of this host; `isAway` may change. */
  const scheduler = () => {
    const state = { isAway: false, announcedAtMs: [] as number[], triedAtMs: [] as number[] }
    const stub = {
      announceHost: async ({ interval }: AnnounceHostRequest) => {
        state.triedAtMs.push(clock.monotonic())
        if (state.isAway) throw new DfError('SchedulerUnavailable', 'away')
        expect(interval?.seconds).toBe(300n)
        state.announcedAtMs.push(clock.monotonic())
      },
      deleteHost: async () => ({}),
    }
    const link = { address: 'x:1', scheduler: stub, markUnavailable: () => {} }
    links.push(link as unknown as SchedulerLink)
    return state
  }
  onTestFinished(() => announcer.stop())
  return { announcer, clock, links, scheduler, warnings }
}

describe('HostAnnouncer', () => {
  it('announces an idle host so often that a scheduler that restarted soon knows it', async () => {
    const { announcer, clock, scheduler } = setUp()
    const { announcedAtMs } = scheduler()
    await announcer.start()
    await clock.advance(65_000)
    expect(announcedAtMs).toEqual([0, 30_000, 60_000])
  })

  it('tries a scheduler that is away again and again, ever more slowly, and warns once', async () => {
    const { announcer, clock, scheduler, warnings } = setUp()
    const away = scheduler()
    const other = scheduler()
    away.isAway = true
    await announcer.start()
    await clock.advance(95_000)
    const seconds = away.triedAtMs.map((ms) => ms / 1_000)
    expect(seconds).toEqual([0, 1, 3, 7, 15, 31, 61, 91])
    expect(warnings).toHaveLength(1)
    expect(other.announcedAtMs, 'the other one').toEqual([0, 30_000, 60_000, 90_000])
    away.isAway = false
    await clock.advance(60_000)
    expect(away.announcedAtMs).toEqual([121_000, 151_000])
    away.isAway = true
    await clock.advance(28_000)
    expect(away.triedAtMs.slice(-2)).toEqual([181_000, 182_000])
    expect(warnings).toHaveLength(2)
  })

  it('goes on with schedulers that came later and leaves those that went', async () => {
    const { announcer, clock, links, scheduler } = setUp()
    const first = scheduler()
    await announcer.start()
    links.length = 0
    const second = scheduler()
    await announcer.announceToAll(new AbortController().signal)
    await clock.advance(30_000)
    expect(first.announcedAtMs).toEqual([0])
    expect(second.announcedAtMs).toEqual([0, 30_000])
  })

  it('leaves no timer when it stops, nor announces after it', async () => {
    const { announcer, clock, scheduler } = setUp()
    const { announcedAtMs } = scheduler()
    await announcer.start()
    await announcer.stop()
    await announcer.announceToAll(new AbortController().signal)
    expect(clock.pending).toBe(0)
    await clock.advance(60_000)
    expect(announcedAtMs).toEqual([0])
  })
})
