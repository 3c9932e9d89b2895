import { expect, test } from 'vitest'
import { CoreFixture, pieces } from './core-fixture.ts'

test('a host silent for twice its interval is gone with its peers', () => {
  const f = new CoreFixture()
  f.host('a', { announceIntervalMs: 10_000 })
  f.host('b')
  f.fetcher('a')
  f.register('b')
  expect(f.wait(20_000)).toEqual([])
  expect(f.wait(1_000)).toEqual(['a ends HostNotFound'])
  f.say('peerStarted', 'b')
  expect(f.reschedule('b', 'a')).toEqual(['b to source'])
  expect(f.core.listHosts().map(({ id }) => id)).toEqual(['b'])
})

test('a silent seed is not called', () => {
  const f = new CoreFixture()
  f.host('s', { type: 1, announceIntervalMs: 10_000 })
  f.wait(21_000)
  f.hosts('a')
  expect(f.register('a')).toEqual(['a to source'])
})

test('a call to a seed that leaves is given up, and a peer goes instead', () => {
  const f = new CoreFixture()
  f.hosts('a')
  f.seed('s')
  f.register('a')
  expect(f.apply({ type: 'hostDeleted', hostId: 's' as never })).toEqual([
    'cancel 1',
    'a to source',
  ])
})

test('failed peers are forgotten soon, finished ones after a day', () => {
  const f = new CoreFixture()
  f.host('a', { announceIntervalMs: 3_600_000 })
  f.register('a/1')
  f.say('peerFailed', 'a/1')
  f.holder('a/2')
  f.wait(11_000)
  expect(f.core.statPeer('a/1' as never)).toBeUndefined()
  for (let hour = 0; hour < 24; hour++) {
    f.host('a', { announceIntervalMs: 3_600_000 })
    f.nowMs += 3_600_000
  }
  f.host('a')
  expect(f.core.statPeer('a/2' as never)).toBeDefined()
  f.wait(11_000)
  expect(f.core.statPeer('a/2' as never)).toBeUndefined()
})

test('a download without a piece for half an hour has failed', () => {
  const f = new CoreFixture()
  f.host('a', { announceIntervalMs: 3_600_000 })
  f.host('b', { announceIntervalMs: 3_600_000 })
  f.fetcher('a')
  f.register('b', { disableBackToSource: true })
  f.wait(1_000)
  f.nowMs += 30 * 60_000
  expect(f.wait(11_000)).toEqual(['a ends Timeout', 'b ends Timeout'])
})

test('a task without peers is forgotten by its own gc', () => {
  const f = new CoreFixture({ taskGcIntervalMs: 60_000 })
  f.hosts('a')
  f.register('a')
  f.say('peerDeleted', 'a')
  expect(f.core.statTask('task' as never)).toBeDefined()
  f.wait(61_000)
  expect(f.core.statTask('task' as never)).toBeUndefined()
})

test('DeleteTask removes the copies of that host only', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  f.holder('a')
  f.holder('b')
  f.apply({ type: 'taskDeleted', hostId: 'a' as never, taskId: 'task' as never })
  expect(f.register('c')).toEqual(['c <- b'])
})

test('deleting a peer that is downloading ends its stream and moves its lease', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.fetcher('a', { range: pieces(0, 1) })
  f.register('b')
  expect(f.say('peerDeleted', 'a')).toEqual(['a ends PeerNotFound', 'b to source'])
})

test('a host that reads many ranges keeps few peers and all its pieces', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  for (let i = 0; i < 10; i++) {
    f.fetcher(`a/${i}`, { range: pieces(i, i + 1) })
    f.say('backToSourceFinished', `a/${i}`)
  }
  expect(f.core.statTask('task' as never)?.peerCount).toBe(5)
  expect(f.register('b')[0]).toMatch(/^b <- a/)
})

test('tables have limits', () => {
  const f = new CoreFixture({ maxHosts: 1, maxPeers: 1, maxTasks: 1 })
  f.hosts('a', 'b')
  expect(f.core.host('b' as never)).toBeUndefined()
  f.register('a/1')
  expect(f.register('a/2')).toEqual(['a/2 ends Overloaded'])
  expect(f.register('a/3', {}, 'other')).toEqual(['a/3 ends Overloaded'])
})
