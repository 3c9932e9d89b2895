import { expect, test } from 'vitest'
import { CoreFixture, pieces } from './core-fixture.ts'

test('a waiting peer is pushed its parents as soon as the lease holder begins', () => {
  const f = new CoreFixture()
  f.hosts('a')
  f.host('b', { isOurs: false })
  f.host('c', { isOurs: false })
  f.register('a')
  expect(f.register('b')).toEqual([])
  expect(f.register('c')).toEqual([])
  expect(f.say('backToSourceStarted', 'a')).toEqual(['b <- a', 'c <- a'])
})

test('downloading peers are parents too, and the one at the origin stays on the first lists', () => {
  const f = new CoreFixture({ meshLimit: 4 })
  const early = Array.from({ length: 8 }, (_, i) => `e${i}`)
  f.hosts('a', ...early, 'late')
  f.fetcher('a')
  for (const p of early) {
    const [answer = ''] = f.register(p)
    expect(answer, `the answer to ${p}`).toMatch(/(^| )a( |$)/)
    f.say('peerStarted', p)
  }
  const [late = ''] = f.register('late')
  expect(late.split(' ')).toHaveLength(2 + 4)
})

test('parents are never on the same host, not sharing, blocked, or broken off', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'd')
  f.host('c', { disableShared: true })
  f.holder('a/1')
  f.holder('c')
  f.holder('d')
  f.fetcher('b', { range: pieces(0, 1) })
  f.say('streamClosed', 'b')
  expect(f.register('a/2')).toEqual(['a/2 <- d'])
  f.say('peerStarted', 'a/2')
  expect(f.reschedule('a/2', 'd'), 'd is blocked, the others never count').toEqual([
    'a/2 to source',
  ])
})

test('blocked parents come back after thirty seconds', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.host('c', { isOurs: false })
  f.holder('a')
  f.register('c')
  f.register('b', { range: pieces(0, 1) })
  f.say('peerStarted', 'b')
  f.apply({ type: 'hostDeleted', hostId: 'c' as never })
  expect(f.reschedule('b', 'a')).toEqual(['b to source'])
  f.host('c', { isOurs: false })
  f.register('c/2')
  f.say('peerStarted', 'c/2')
  expect(f.reschedule('c/2', 'a'), 'b is at the origin for something else').toEqual([])
  expect(f.wait(29_000).filter((s) => s.startsWith('c/2'))).toEqual(['c/2 to source'])
})

test('a peer that waits for its blocked parent gets it when the block is over', () => {
  const f = new CoreFixture()
  f.hosts('a')
  f.host('b', { isOurs: false })
  f.fetcher('a')
  f.register('b')
  f.say('peerStarted', 'b')
  expect(f.reschedule('b', 'a'), 'a is still at the origin').toEqual([])
  expect(f.wait(29_000)).toEqual([])
  expect(f.wait(1_000)).toEqual(['b <- a'])
})

test('a parent that a daemon of ours has lost comes back soon, each time later', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.fetcher('a')
  f.register('b')
  for (const seconds of [4, 8, 16, 30, 30]) {
    f.say('peerStarted', 'b')
    expect(f.reschedule('b', 'a'), 'a is still at the origin').toEqual([])
    expect(f.wait((seconds - 1) * 1_000), `${seconds} s`).toEqual([])
    expect(f.wait(1_000)).toEqual(['b <- a'])
  }
})

test('a ring of peers that only have each other is no list: somebody goes to the origin', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  f.fetcher('a')
  f.register('b')
  f.say('peerStarted', 'b')
  f.register('c')
  f.say('peerStarted', 'c')
  f.say('streamClosed', 'a')
  expect(f.reschedule('b', 'a')).toEqual(['b to source'])
  f.say('backToSourceStarted', 'b')
  expect(f.reschedule('c', 'a')).toEqual(['c <- b'])
})

test('failures: a lasting one blocks at once, temporary ones after the third', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  f.holder('a')
  f.holder('b')
  f.register('c')
  f.say('peerStarted', 'c')
  f.pieceFailed('c', 'a', false)
  f.pieceFailed('c', 'b')
  f.pieceFailed('c', 'b')
  expect(f.reschedule('c')).toEqual(['c <- b'])
  f.pieceFailed('c', 'b')
  expect(f.reschedule('c')).toEqual(['c to source'])
})

test('a failing host is counted', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.holder('a')
  f.register('b')
  f.pieceFailed('b', 'a')
  expect(f.core.state.hosts.get('a' as never)?.failures).toBeCloseTo(0.2)
  f.piece('b', 0, 'a')
  expect(f.core.state.hosts.get('a' as never)?.failures).toBeCloseTo(0.16)
})

test('a foreign peer gets five answers, the last of them one that holds', () => {
  const f = new CoreFixture({ blockMs: 0 })
  f.hosts('a')
  f.host('b', { isOurs: false })
  f.fetcher('a')
  expect(f.register('b')).toEqual(['b <- a'])
  for (let i = 0; i < 3; i++) {
    f.say('peerStarted', 'b')
    expect(f.reschedule('b', 'a')).toEqual(['b <- a'])
  }
  expect(f.reschedule('b', 'a'), 'a does not hold all yet').toEqual([])
  expect(f.say('backToSourceFinished', 'a')).toEqual(['a ends ok', 'b <- a'])
  expect(f.reschedule('b', 'a')).toEqual(['b ends NoSource'])
})

test('a daemon of ours may ask as often as it needs', () => {
  const f = new CoreFixture({ blockMs: 0 })
  f.hosts('a', 'b')
  f.fetcher('a')
  f.register('b')
  for (let i = 0; i < 20; i++) expect(f.reschedule('b', 'a')).toEqual(['b <- a'])
})

test('pieces complete a list for one who waits for exactly them', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  f.host('c', { isOurs: false })
  f.fetcher('a', { range: pieces(0, 2) })
  f.register('b', { range: pieces(2, 4) })
  expect(f.register('c', { range: pieces(0, 3) }), 'a brings no piece 2').toEqual([])
  expect(f.piece('b', 2, 'local')).toEqual(['c <- a b'])
})

test('messages that do not fit are counted and change nothing', () => {
  const f = new CoreFixture()
  f.hosts('a')
  f.register('a', { contentLength: 0 })
  expect(f.reschedule('a')).toEqual([])
  f.say('peerFinished', 'a')
  expect(f.say('peerFinished', 'a')).toEqual([])
  expect(f.say('peerStarted', 'nobody')).toEqual([])
  expect(f.piece('a', 3)).toEqual([])
  expect(f.core.counters).toEqual({ invalidTransitions: 1, strayMessages: 3 })
})

test('a piece number beyond the content is ignored', () => {
  const f = new CoreFixture()
  f.hosts('a')
  f.fetcher('a')
  f.piece('a', 4_000_000_000)
  expect(f.core.statPeer('a' as never)?.finishedPieces).toBe(0)
})

test('what the one at the origin says about its pieces is kept with the task', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.fetcher('a')
  f.piece('a', 2)
  expect([...(f.core.statTask('task' as never)?.pieces ?? [])]).toEqual([
    [2, { offset: 8 * 1024 * 1024, length: 4 * 1024 * 1024, digest: 'crc32:1' }],
  ])
})

test('a peer that holds all it wants is told so with the one answer that needs no parent', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.register('a')
  f.register('b', { range: pieces(0, 2) })
  f.piece('b', 0, 'local')
  expect(f.piece('b', 1, 'local')).toEqual(['b to source'])
  f.say('backToSourceStarted', 'b')
  expect(f.say('backToSourceFinished', 'b')).toEqual(['b ends ok'])
})

test('foreign peers and those sent to the origin get no more parents than they asked for', () => {
  const f = new CoreFixture()
  f.hosts('a', 'c')
  f.host('b', { isOurs: false })
  f.register('a')
  f.say('peerStarted', 'a')
  f.say('backToSourceStarted', 'a')
  f.register('b')
  f.say('peerStarted', 'b')
  f.register('c')
  expect(f.say('peerStarted', 'c')).toEqual([])
})
