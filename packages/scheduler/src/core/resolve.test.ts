import { asTaskId } from '@damselfly/core'
import { expect, test } from 'vitest'
import { CoreFixture } from './core-fixture.ts'

const taskId = asTaskId('task')
const facts = { contentLength: 7, responseHeader: { etag: '"x"' } }
const failure = (statusCode: number) => ({
  message: 'no',
  statusCode,
  responseHeader: {},
  code: 'SourceRefused',
})

function asked(f: CoreFixture, ...callIds: number[]): string[] {
  return callIds.flatMap((callId) => f.apply({ type: 'resolveAsked', callId, taskId }))
}

test('one caller is elected, the others wait and get what it finds', () => {
  const f = new CoreFixture()
  expect(asked(f, 1, 2, 3)).toEqual(['call 1 elected'])
  expect(f.apply({ type: 'resolveFound', callId: 1, facts })).toEqual([
    'call 2 knows 7',
    'call 3 knows 7',
  ])
  expect(f.raw({ type: 'resolveAsked', callId: 4, taskId })).toEqual([
    { type: 'resolveKnown', callId: 4, facts },
  ])
})

test('when the elected one goes, the next is elected', () => {
  const f = new CoreFixture()
  asked(f, 1, 2, 3)
  expect(f.apply({ type: 'resolveClosed', callId: 2 })).toEqual([])
  expect(f.apply({ type: 'resolveClosed', callId: 1 })).toEqual(['call 3 elected'])
})

test('an elected caller that stays silent loses its turn, but what it finds late still counts', () => {
  const f = new CoreFixture()
  asked(f, 1, 2, 3)
  expect(f.wait(30_000)).toEqual(['call 2 elected'])
  expect(f.apply({ type: 'resolveFound', callId: 1, facts })).toEqual(['call 3 knows 7'])
})

test('a failure goes to all, except when it speaks of one caller’s credentials', () => {
  const f = new CoreFixture()
  asked(f, 1, 2, 3, 4)
  const fail = (callId: number, status: number) =>
    f.apply({ type: 'resolveFailed', callId, failure: failure(status) })
  expect(fail(1, 401)).toEqual(['call 2 elected'])
  expect(fail(2, 403)).toEqual(['call 3 elected'])
  expect(fail(3, 404)).toEqual(['call 4 fails 404'])
  expect(asked(f, 5), 'a failure is not remembered').toEqual(['call 5 elected'])
})

test('a registration tells nobody the facts, whatever it says: the first caller is elected', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.holder('a')
  expect(asked(f, 1, 2)).toEqual(['call 1 elected'])
  expect(f.register('b')).toEqual(['b <- a'])
  expect(f.finds(1, facts)).toEqual(['call 2 knows 7'])
})

test('another length in a registration changes nothing of what was found', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  asked(f, 1)
  f.finds(1, facts)
  f.register('a', { contentLength: 8 })
  expect(f.raw({ type: 'resolveAsked', callId: 2, taskId })).toEqual([
    { type: 'resolveKnown', callId: 2, facts },
  ])
  f.say('backToSourceStarted', 'a')
  f.say('backToSourceFinished', 'a')
  expect(f.register('b', { contentLength: 7 }), 'a has another content').toEqual(['b to source'])
  f.say('backToSourceStarted', 'b')
  const unknown = { contentLength: undefined }
  expect(f.register('c', unknown), 'who states no length gets what was found').toEqual(['c <- b'])
  expect(f.core.statTask(taskId)).toMatchObject({ contentLength: 7 })
})

test('a registration that is refused changes nothing', () => {
  const f = new CoreFixture({ maxPeers: 1 })
  f.hosts('a', 'b')
  f.holder('a')
  const before = f.core.statTask(taskId)
  expect(f.register('b', { contentLength: 8, url: 'http://other/' })).toEqual(['b ends Overloaded'])
  expect(f.register('b', { contentLength: 2 ** 50, pieceLength: 1 })).toEqual([
    'b ends InvalidArgument',
  ])
  expect(f.register('b', {}, 'other')).toEqual(['b ends Overloaded'])
  expect(f.core.statTask(taskId)).toEqual(before)
  expect(f.core.statTask(asTaskId('other'))).toBeUndefined()
  expect(asked(f, 1)).toEqual(['call 1 elected'])
})

test('late facts do not replace those that the elected one has found', () => {
  const f = new CoreFixture()
  asked(f, 1, 2)
  f.wait(30_000)
  f.finds(2, facts)
  expect(f.finds(1, { contentLength: 9, responseHeader: {} })).toEqual([])
  expect(asked(f, 3)).toEqual(['call 3 knows 7'])
})

test('facts live as long as the task has peers, and a minute longer', () => {
  const f = new CoreFixture()
  f.host('a', { announceIntervalMs: 3_600_000 })
  asked(f, 1)
  f.apply({ type: 'resolveFound', callId: 1, facts })
  f.register('a', { contentLength: 7 })
  f.say('backToSourceStarted', 'a')
  f.wait(120_000)
  expect(asked(f, 2)).toEqual(['call 2 knows 7'])
  f.say('peerDeleted', 'a')
  f.wait(50_000)
  expect(asked(f, 3)).toEqual(['call 3 knows 7'])
  f.wait(30_000)
  expect(asked(f, 4)).toEqual(['call 4 elected'])
})

test('deleting the last copy forgets the facts at once', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  asked(f, 1)
  f.finds(1, facts)
  f.holder('a')
  f.holder('b')
  f.apply({ type: 'taskDeleted', hostId: 'a' as never, taskId })
  expect(asked(f, 2)).toEqual(['call 2 knows 7'])
  f.apply({ type: 'taskDeleted', hostId: 'b' as never, taskId })
  expect(asked(f, 3)).toEqual(['call 3 elected'])
})

test('callers beyond the limit are told so', () => {
  const f = new CoreFixture({ maxResolveCallers: 1 })
  expect(asked(f, 1, 2, 3)).toEqual(['call 1 elected', 'call 3 fails 0'])
})

test('calls that nobody knows are ignored', () => {
  const f = new CoreFixture()
  expect(f.apply({ type: 'resolveClosed', callId: 9 })).toEqual([])
})
