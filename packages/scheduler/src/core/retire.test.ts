import { asTaskId } from '@damselfly/core'
import { expect, test } from 'vitest'
import { CONTENT_LENGTH, CoreFixture } from './core-fixture.ts'

const taskId = asTaskId('task')
const facts = (etag: string, more: Record<string, string> = {}) => ({
  contentLength: CONTENT_LENGTH,
  responseHeader: { etag, ...more },
})
const old = facts('"1"')
const renewed = facts('"2"')

/** The old facts have been found. */
function resolved(...hosts: string[]): CoreFixture {
  const f = new CoreFixture()
  f.hosts(...hosts)
  f.asks(1)
  f.finds(1, old)
  return f
}

test('stale facts are dropped: the asker is elected and the others wait for it', () => {
  const f = resolved()
  expect(f.asks(2, old)).toEqual(['call 2 elected'])
  expect(f.asks(3, old)).toEqual([])
  expect(f.asks(4)).toEqual([])
  expect(f.finds(2, renewed)).toEqual([
    `call 3 knows ${CONTENT_LENGTH}`,
    `call 4 knows ${CONTENT_LENGTH}`,
  ])
})

test('who comes late with stale facts gets the new ones, and the new swarm stays', () => {
  const f = resolved('a', 'b')
  f.asks(2, old)
  f.finds(2, renewed)
  f.holder('a')
  expect(f.raw({ type: 'resolveAsked', callId: 3, taskId, stale: old })).toEqual([
    { type: 'resolveKnown', callId: 3, facts: renewed },
  ])
  expect(f.register('b')).toEqual(['b <- a'])
})

test.each([
  ['another length', { ...old, contentLength: 7 }],
  ['another last-modified', facts('"1"', { 'last-modified': 'yesterday' })],
  ['no etag', { ...old, responseHeader: {} }],
])('facts with %s are not those that are held', (_, stale) => {
  const f = resolved('a')
  f.holder('a')
  expect(f.asks(2, stale)).toEqual([`call 2 knows ${CONTENT_LENGTH}`])
  expect(f.core.statTask(taskId)?.peerCount).toBe(1)
})

test('headers that are no validators do not count', () => {
  const f = resolved()
  expect(f.asks(2, facts('"1"', { date: 'today' }))).toEqual(['call 2 elected'])
})

test('stale facts where nothing is known are like none', () => {
  const f = new CoreFixture()
  f.hosts('a')
  f.holder('a')
  expect(f.asks(1, old)).toEqual(['call 1 elected'])
  expect(f.core.statTask(taskId)?.peerCount).toBe(1)
})

test('nobody gets the old content from those who hold it, until they register anew', () => {
  const f = resolved('a', 'b', 'c')
  f.holder('a')
  f.fetcher('b')
  f.piece('b', 0)
  f.asks(2, old)
  expect(f.core.statTask(taskId)).toMatchObject({ peerCount: 0, contentLength: undefined })
  expect(f.core.statTask(taskId)?.pieces.size).toBe(0)
  f.finds(2, renewed)
  expect(f.register('c')).toEqual(['c to source'])
  f.holder('a/2')
  expect(f.register('b')).toEqual(['b <- a/2'])
})

test('downloads of the old content end with a reason, those that wait too', () => {
  const f = resolved('a', 'b', 'c', 'd')
  f.fetcher('a')
  f.register('b')
  f.say('peerStarted', 'b')
  f.register('c', { disableBackToSource: true })
  f.register('d', { contentLength: 8 })
  const effects = f.raw({ type: 'resolveAsked', callId: 2, taskId, stale: old })
  const ends = effects.filter((e) => e.type === 'endStream')
  expect(ends.map(({ peerId }) => peerId)).toEqual(['a', 'b', 'c', 'd'])
  for (const { error } of ends) {
    expect(error).toMatchObject({ code: 'SourceChanged', retryable: true })
    expect(error?.message).toMatch(/^The content changed at the origin .*\.$/)
  }
  expect(effects.at(-1)).toEqual({ type: 'resolveElected', callId: 2 })
  expect(f.say('streamClosed', 'a'), 'its stream is no longer known').toEqual([])
})

test('leases and calls to seeds end with the old content', () => {
  const f = resolved('a')
  f.seed('s')
  expect(f.register('a')).toEqual(['trigger 1 s all'])
  expect(f.asks(2, old)).toEqual(['cancel 1', 'a ends SourceChanged', 'call 2 elected'])
  f.finds(2, renewed)
  expect(f.register('a'), 'the seed is asked again').toEqual(['trigger 3 s all'])
  f.register('s', { needBackToSource: true })
  f.say('backToSourceStarted', 's')
  expect(f.asks(3, renewed)).toEqual([
    'cancel 3',
    'a ends SourceChanged',
    's ends SourceChanged',
    'call 3 elected',
  ])
  expect(f.triggerEnded(3, { isUnreachable: true })).toEqual([])
})

test('a call to a seed that has ended is not cancelled', () => {
  const f = resolved('a')
  f.seed('s')
  f.register('a')
  f.register('s', { needBackToSource: true })
  f.triggerEnded(1)
  expect(f.asks(2, old)).toEqual(['a ends SourceChanged', 's ends SourceChanged', 'call 2 elected'])
})

test('who registers with the old facts before the new ones are found goes with them', () => {
  const f = resolved('a', 'b')
  f.asks(2, old)
  f.holder('a')
  f.register('b')
  expect(f.finds(2, renewed)).toEqual(['b ends SourceChanged'])
  expect(f.core.statTask(taskId)?.peerCount).toBe(0)
})

test('when the origin has the old content after all, who registered meanwhile stays', () => {
  const f = resolved('a')
  f.asks(2, old)
  f.holder('a')
  f.finds(2, old)
  expect(f.core.statTask(taskId)?.peerCount).toBe(1)
})

test('late facts about the old content give way to those of the elected one', () => {
  const f = new CoreFixture()
  f.hosts('a')
  f.asks(1)
  f.asks(2)
  f.wait(30_000)
  f.finds(2, old)
  expect(f.asks(3, old)).toEqual(['call 3 elected'])
  f.finds(1, old)
  expect(f.asks(4)).toEqual([`call 4 knows ${CONTENT_LENGTH}`])
  f.register('a')
  expect(f.finds(3, renewed)).toEqual(['a ends SourceChanged'])
})
