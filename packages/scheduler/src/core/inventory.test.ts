import { expect, test } from 'vitest'
import { CoreFixture, pieces } from './core-fixture.ts'

test('a scheduler that starts anew learns who holds what', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  expect(f.holds('a', 'all')).toEqual([])
  expect(f.core.statTask('task' as never)).toMatchObject({ state: 'Succeeded', pieceCount: 10 })
  expect(f.register('b')).toEqual(['b <- a'])
  expect(f.core.statTask('task' as never)?.facts.url).toBe('http://origin/file')
})

test('parts are parents for what they hold, and no copy of the whole', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  f.holds('a', [0, 1, 5])
  expect(f.core.statTask('task' as never)?.state).toBe('Running')
  expect(f.core.statPeer('a' as never)).toMatchObject({ state: 'Succeeded', finishedPieces: 3 })
  expect(f.register('b', { range: pieces(0, 2) })).toEqual(['b <- a'])
})

test('nobody goes to the origin while hosts still tell what they hold', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  f.holds('a', [0, 1])
  expect(f.register('b'), 'begins with what is there').toEqual(['b <- a'])
  f.say('peerStarted', 'b')
  f.wait(2000)
  expect(f.holds('c', 'all')).toEqual(['b <- a c'])
})

test('what nobody has told after five seconds comes from the origin', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.holds('a', [0, 1])
  f.register('b', { range: pieces(4, 6) })
  expect(f.wait(4000)).toEqual([])
  expect(f.wait(1000)).toEqual(['b to source'])
})

test('a download that goes on keeps what it holds when it registers again', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.holds('b', 'all')
  f.holds('a', [2, 3])
  expect(f.register('a')).toEqual(['a <- b'])
  expect(f.core.statPeer('a' as never)?.finishedPieces).toBe(2)
  f.holds('a', [4])
  expect(f.core.statPeer('a' as never)?.finishedPieces).toBe(3)
})

test('what cannot be used is counted and changes nothing', () => {
  const f = new CoreFixture({ maxPeers: 1 })
  f.holds('a', 'all')
  f.hosts('a', 'b')
  f.holds('a', [])
  f.holds('a', 'all', -1)
  f.holds('a', 'all')
  f.holds('b', 'all')
  expect(f.core.statTask('task' as never)?.peerCount).toBe(1)
  expect(f.core.counters.strayMessages).toBe(4)
})
