import { expect, test } from 'vitest'
import { CONTENT_LENGTH, CoreFixture, pieces } from './core-fixture.ts'

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
  f.holds('a', 'all', { contentLength: -1 })
  f.holds('a', 'all')
  f.holds('b', 'all')
  expect(f.core.statTask('task' as never)?.peerCount).toBe(1)
  expect(f.core.counters.strayMessages).toBe(4)
})

test('hosts with other versions of a content are no parents of each other', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c', 'd')
  f.holds('a', 'all', { etag: '"1"' })
  f.holds('b', [0, 1, 2], { etag: '"2"' })
  f.asks(1)
  f.finds(1, { contentLength: CONTENT_LENGTH, responseHeader: { etag: '"2"' } })
  expect(f.register('c', { range: pieces(0, 3) })).toEqual(['c <- b'])
  expect(f.register('b')).toEqual([])
  expect(f.wait(5000), 'nobody has the rest of that version').toEqual(['b to source'])
})

test("a host that does not know its version may be anybody's parent", () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.holds('a', 'all')
  f.asks(1)
  f.finds(1, { contentLength: CONTENT_LENGTH, responseHeader: { etag: '"2"' } })
  expect(f.register('b')).toEqual(['b <- a'])
})

test('what a host told of its own version counts, whatever others have found', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.holds('a', 'all', { etag: '"1"' })
  f.asks(1)
  f.finds(1, { contentLength: CONTENT_LENGTH, responseHeader: { etag: '"2"' } })
  f.holds('b', [0], { etag: '"1"' })
  expect(f.register('b')).toEqual(['b <- a'])
})
