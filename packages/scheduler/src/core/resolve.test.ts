import { asTaskId } from '@damselfly/core'
import { expect, test } from 'vitest'
import { CONTENT_LENGTH, CoreFixture } from './core-fixture.ts'

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

test('a registration tells the length to those who wait', () => {
  const f = new CoreFixture()
  f.hosts('a')
  asked(f, 1, 2)
  expect(f.register('a')).toEqual(['a to source', `call 2 knows ${CONTENT_LENGTH}`])
})

test('another length in a registration replaces the facts, the same one keeps the headers', () => {
  const f = new CoreFixture()
  f.hosts('a')
  asked(f, 1)
  f.apply({ type: 'resolveFound', callId: 1, facts })
  f.register('a', { contentLength: 7 })
  expect(f.raw({ type: 'resolveAsked', callId: 2, taskId })).toMatchObject([{ facts }])
  f.register('a', { contentLength: 8 })
  expect(f.raw({ type: 'resolveAsked', callId: 3, taskId })).toMatchObject([
    { facts: { contentLength: 8, responseHeader: {} } },
  ])
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
  f.holder('a')
  f.holder('b')
  f.apply({ type: 'taskDeleted', hostId: 'a' as never, taskId })
  expect(asked(f, 1)).toEqual([`call 1 knows ${CONTENT_LENGTH}`])
  f.apply({ type: 'taskDeleted', hostId: 'b' as never, taskId })
  expect(asked(f, 2)).toEqual(['call 2 elected'])
})

test('callers beyond the limit are told so', () => {
  const f = new CoreFixture({ maxResolveCallers: 1 })
  expect(asked(f, 1, 2, 3)).toEqual(['call 1 elected', 'call 3 fails 0'])
})

test('calls that nobody knows are ignored', () => {
  const f = new CoreFixture()
  expect(f.apply({ type: 'resolveClosed', callId: 9 })).toEqual([])
})
