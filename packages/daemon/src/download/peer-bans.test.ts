import { FakeClock } from '@damselfly/core/testing'
import { expect, it } from 'vitest'
import { PeerBans } from './peer-bans.ts'

const minute = 60_000

it('bans a host that sent wrong bytes, and nobody else, for ten minutes', async () => {
  const clock = new FakeClock()
  const bans = new PeerBans(clock)
  bans.blame('liar')
  expect([bans.isBanned('liar'), bans.isBanned('other')]).toEqual([true, false])
  await clock.advance(9 * minute)
  expect(bans.isBanned('liar')).toBe(true)
  await clock.advance(1 * minute)
  expect(bans.isBanned('liar')).toBe(false)
})

it('bans for longer who does it again', async () => {
  const clock = new FakeClock()
  const bans = new PeerBans(clock)
  bans.blame('liar')
  await clock.advance(10 * minute)
  bans.blame('liar')
  await clock.advance(15 * minute)
  expect(bans.isBanned('liar')).toBe(true)
  await clock.advance(5 * minute)
  expect(bans.isBanned('liar')).toBe(false)
})

it('remembers a bounded number of hosts, the latest', () => {
  const bans = new PeerBans(new FakeClock())
  for (let host = 0; host <= 4_096; host++) bans.blame(`host-${host}`)
  expect([bans.isBanned('host-0'), bans.isBanned('host-1')]).toEqual([false, true])
})
