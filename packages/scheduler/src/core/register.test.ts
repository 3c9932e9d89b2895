import { expect, test } from 'vitest'
import { CoreFixture, MIB, pieces } from './core-fixture.ts'

test('a peer of a host that has not announced itself is turned away', () => {
  const f = new CoreFixture()
  expect(f.register('a')).toEqual(['a ends HostNotFound'])
  expect(f.core.statPeer('a' as never)).toBeUndefined()
})

test('the first peer goes to the origin, and its registration creates the task', () => {
  const f = new CoreFixture()
  f.hosts('a')
  expect(f.register('a')).toEqual(['a to source'])
  expect(f.core.statTask('task' as never)).toMatchObject({
    state: 'Running',
    peerCount: 1,
    pieceCount: 10,
  })
})

test('content without bytes is answered at once and ends like a download', () => {
  const f = new CoreFixture()
  f.hosts('a')
  expect(f.register('a', { contentLength: 0 })).toEqual(['a is empty'])
  expect(f.core.statPeer('a' as never)?.state).toBe('ReceivedEmpty')
  f.say('peerStarted', 'a')
  expect(f.say('peerFinished', 'a')).toEqual(['a ends ok'])
})

test('a range behind the content has nothing to get', () => {
  const f = new CoreFixture()
  f.hosts('a')
  expect(f.register('a', { range: { start: 100 * MIB, length: 1 } })).toEqual(['a is empty'])
})

test('a metadata-only peer becomes a holder of everything by starting and finishing', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  expect(f.register('a', { metadataOnly: true })).toEqual(['a metadata'])
  f.say('peerStarted', 'a')
  expect(f.say('peerFinished', 'a')).toEqual(['a ends ok'])
  expect(f.register('b')).toEqual(['b <- a'])
})

test.each([
  [1, 'NoSource'],
  [2, 'TaskNotFound'],
])('priority LEVEL%i is refused', (priority, code) => {
  const f = new CoreFixture()
  f.hosts('a')
  expect(f.register('a', { priority })).toEqual([`a ends ${code}`])
})

test('priority LEVEL3 goes to the origin itself although a seed is there, and others wait for it', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.seed('s')
  expect(f.register('a', { priority: 3 })).toEqual(['a to source'])
  expect(f.register('b')).toEqual([])
  expect(f.say('backToSourceStarted', 'a')).toEqual(['b <- a'])
})

test.each([
  [1, 'ReceivedTiny'],
  [128, 'ReceivedTiny'],
  [129, 'ReceivedSmall'],
  [4 * MIB, 'ReceivedSmall'],
  [4 * MIB + 1, 'ReceivedNormal'],
  [undefined, 'ReceivedNormal'],
])('content of %s bytes is scheduled like any other, in state %s', (contentLength, state) => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  expect(f.register('a', { contentLength })).toEqual(['a to source'])
  expect(f.core.statPeer('a' as never)?.state).toBe(state)
  expect(f.register('b', { contentLength })).toEqual([])
  expect(f.say('backToSourceStarted', 'a')).toEqual(['b <- a'])
})

test('a peer that registers again keeps its pieces and starts anew', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.fetcher('a')
  f.piece('a', 0)
  f.say('streamClosed', 'a')
  expect(f.core.statPeer('a' as never)?.state).toBe('Failed')
  expect(f.register('a')).toEqual(['a to source'])
  expect(f.core.statPeer('a' as never)).toMatchObject({
    state: 'ReceivedNormal',
    finishedPieces: 1,
  })
})

test('a second stream of a peer replaces the first without its end', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.fetcher('a')
  f.register('b')
  expect(f.register('a')).toEqual(['a to source'])
  expect(f.core.statTask('task' as never)?.peerCount).toBe(2)
})

test('a peer id that belongs to another host or task is refused', () => {
  const f = new CoreFixture()
  f.hosts('a')
  f.register('a/1')
  expect(f.register('a/1', {}, 'other')).toEqual(['a/1 ends InvalidArgument'])
})

test('absurd numbers of pieces and impossible ranges are refused', () => {
  const f = new CoreFixture()
  f.hosts('a')
  expect(f.register('a', { contentLength: 2 ** 50, pieceLength: 1 })).toEqual([
    'a ends InvalidArgument',
  ])
  expect(f.register('a', { range: { start: -1, length: 5 } })).toEqual(['a ends InvalidArgument'])
  f.wait(11_000)
  expect(f.core.statPeer('a' as never)).toBeUndefined()
})

test('a peer that knows no length uses the one that others have told', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.fetcher('a')
  expect(f.register('b', { contentLength: undefined })).toEqual(['b <- a'])
})

test('peers that see another content length do not become parents of each other', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.holder('a')
  expect(f.register('b', { contentLength: 8 * MIB })).toEqual(['b to source'])
})

test('what a daemon already holds counts as soon as it says so', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  f.register('a', { range: pieces(0, 2) })
  f.register('b', { range: pieces(0, 2) })
  expect(f.piece('b', 0, 'local')).toEqual([])
  f.hosts('c')
  expect(f.register('c', { range: pieces(0, 1) })).toEqual(['c <- b'])
})
