import { asHostId, asTaskId } from '@damselfly/core'
import { expect, test } from 'vitest'
import { checkInvariants } from './check-invariants.ts'
import { CONTENT_LENGTH, CoreFixture } from './core-fixture.ts'

const taskId = asTaskId('task')
const piece = (number: number, value: number) => ({
  number,
  blake3: new Uint8Array(32).fill(value),
  crc32: value,
})
const crcOnly = (number: number, crc32: number) => ({ number, blake3: undefined, crc32 })
const facts = (etag: string) => ({ contentLength: CONTENT_LENGTH, responseHeader: { etag } })

const announced = (f: CoreFixture, peerId: string, number: number, digest: string) =>
  f.apply({
    type: 'pieceFinished',
    peerId: peerId as never,
    number,
    offset: 0,
    length: 4,
    digest,
    trafficType: 'backToSource',
    parentId: undefined,
    source: true,
  })

test('a record is news for the others, and for whoever comes later', () => {
  const f = new CoreFixture()
  expect(f.watches(1)).toEqual([])
  expect(f.records(1, true, piece(0, 7)), 'nobody else watches').toEqual([])
  expect(f.watches(2)).toEqual(['news for 2'])
  expect(f.watches(3)).toEqual(['news for 3'])
  expect(f.records(1, true, piece(1, 7), piece(2, 7))).toEqual(['news for 2 3'])
  expect(f.records(2, true, piece(1, 7)), 'the same again').toEqual([])
  const told = (callId: number) => f.core.digestsFrom(taskId, 0, { except: callId, max: 10 }).pieces
  expect(told(2)).toEqual([piece(0, 7), piece(1, 7), piece(2, 7)])
  expect(told(1)).toEqual([])
})

test('who contradicts is told so, and is said to have been the first time only', () => {
  const f = new CoreFixture()
  f.watches(1)
  f.watches(2)
  f.records(1, true, piece(0, 7), piece(1, 7))
  const said = f.raw({
    type: 'digestsRecorded',
    callId: 2,
    pieces: [piece(0, 8), piece(1, 7), piece(2, 9)],
    fromOrigin: true,
  })
  const contradiction = {
    type: 'digestsContradicted',
    taskId,
    hostId: 'h2',
    callId: 2,
    numbers: [0],
    fromOrigin: true,
    isFirst: true,
  }
  expect(said).toEqual([
    { type: 'digestsLearned', taskId, callIds: [1], isCorrection: false },
    contradiction,
  ])
  const again = f.raw({
    type: 'digestsRecorded',
    callId: 2,
    pieces: [piece(0, 8)],
    fromOrigin: false,
  })
  expect(again).toEqual([{ ...contradiction, fromOrigin: false, isFirst: false }])
  expect(f.core.digest(taskId, 0)).toEqual(piece(0, 7))
})

test('what a host held gives way to the origin, and the host hears of it', () => {
  const f = new CoreFixture()
  f.watches(1)
  f.watches(2)
  f.records(1, false, piece(0, 7))
  expect(f.records(2, true, piece(0, 8))).toEqual(['correction for 1'])
  expect(f.core.digestsFrom(taskId, 0, { except: 1, max: 9 }).pieces).toEqual([piece(0, 8)])
})

test.each([
  ['a number beyond the content', [piece(4096, 1)]],
  ['a number beyond all numbers', [piece(0xffff_ffff, 1)]],
  ['more pieces than the task has', Array.from({ length: 5000 }, () => piece(0, 1))],
  ['a short digest', [{ ...piece(0, 1), blake3: new Uint8Array(31) }]],
  ['a long digest', [{ ...piece(0, 1), blake3: new Uint8Array(33) }]],
  ['no digest', [{ number: 0, blake3: undefined, crc32: undefined }]],
  ['a good piece before a bad one', [piece(0, 1), piece(4096, 1)]],
])('%s ends the stream, and nothing is taken in', (_, pieces) => {
  const f = new CoreFixture()
  f.hosts('a')
  // Ten pieces; content this short could have up to 4096.
  f.register('a')
  f.watches(1)
  expect(f.records(1, true, ...pieces)).toEqual(['call 1 ends InvalidArgument'])
  expect(f.core.digest(taskId, 0)).toBeUndefined()
  expect(f.records(1, true, piece(0, 1)), 'the stream is over').toEqual([])
  expect(f.core.counters.strayMessages).toBe(1)
  expect(checkInvariants(f.core.state)).toEqual([])
})

test('while the length is not known there is a limit all the same', () => {
  const f = new CoreFixture()
  f.watches(1)
  f.watches(2)
  expect(f.records(1, true, piece(262_143, 1))).toEqual(['news for 2'])
  expect(f.records(2, true, piece(262_144, 1))).toEqual(['call 2 ends InvalidArgument'])
})

test('beyond the memory for all tasks nothing is taken in', () => {
  const f = new CoreFixture({ maxDigestBytes: 1000 })
  f.watches(1)
  expect(f.records(1, true, piece(3, 1))).toEqual([])
  expect(f.records(1, true, piece(100, 1))).toEqual(['call 1 ends Overloaded'])
  expect(f.core.digest(taskId, 3)).toBeDefined()
})

test('watchers beyond the limit are told so', () => {
  const f = new CoreFixture({ maxDigestWatchers: 1 })
  f.watches(1)
  expect(f.watches(2)).toEqual(['call 2 ends Overloaded'])
  f.apply({ type: 'digestsClosed', callId: 1 })
  expect(f.watches(3)).toEqual([])
})

test('one of Dragonfly’s peers gives the CRC-32 of what it took from the origin', () => {
  const f = new CoreFixture()
  f.host('rust', { isOurs: false })
  f.fetcher('rust')
  f.watches(1)
  expect(announced(f, 'rust', 0, 'crc32:123')).toEqual(['news for 1'])
  expect(f.core.digest(taskId, 0)).toEqual(crcOnly(0, 123))
  expect(announced(f, 'rust', 0, 'crc32:123')).toEqual([])
  expect(announced(f, 'rust', 0, 'crc32:124')).toEqual(['rust contradicts 0'])
  expect(f.records(1, true, piece(0, 5)), 'it was first').toEqual(['h1 contradicts 0'])
  expect(f.records(1, false, { ...piece(0, 5), crc32: 123 })).toEqual([])
  expect(f.core.digest(taskId, 0)).toEqual({ ...piece(0, 5), crc32: 123 })
})

test.each(['', 'crc32:', 'crc32:4294967296', 'crc32:-1', 'md5:00', 'crc32: 7', 'crc32:7x'])(
  'the announced digest "%s" is passed over',
  (digest) => {
    const f = new CoreFixture()
    f.hosts('a')
    f.fetcher('a')
    expect(announced(f, 'a', 0, digest)).toEqual([])
    expect(f.core.digest(taskId, 0)).toBeUndefined()
  },
)

test('what a peer got from another peer says nothing', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.holder('a')
  f.register('b')
  f.say('peerStarted', 'b')
  f.piece('b', 0, 'a')
  f.piece('b', 1, 'local')
  expect(f.core.digest(taskId, 0)).toBeUndefined()
  expect(f.core.digest(taskId, 1)).toBeUndefined()
})

test('when the origin contradicts the facts the digests go, and those who watched the old content', () => {
  const f = new CoreFixture()
  f.asks(1)
  f.finds(1, facts('"1"'))
  f.watches(2)
  f.records(2, true, piece(0, 7))
  expect(f.asks(3, facts('"1"'))).toEqual(['call 2 ends SourceChanged', 'call 3 elected'])
  expect(f.core.digest(taskId, 0)).toBeUndefined()
  f.watches(4)
  f.records(4, true, piece(0, 7))
  expect(f.finds(3, facts('"2"')), 'it came with the old facts').toEqual([
    'call 4 ends SourceChanged',
  ])
  f.watches(5)
  expect(f.records(5, true, piece(0, 8))).toEqual([])
  expect(f.finds(6, facts('"3"'))).toEqual([])
  expect(f.core.digest(taskId, 0)).toEqual(piece(0, 8))
  expect(checkInvariants(f.core.state)).toEqual([])
})

test('when the old content is there after all, its digests stay', () => {
  const f = new CoreFixture()
  f.asks(1)
  f.finds(1, facts('"1"'))
  f.asks(2, facts('"1"'))
  f.watches(3)
  f.records(3, true, piece(0, 7))
  expect(f.finds(2, facts('"1"'))).toEqual([])
  expect(f.core.digest(taskId, 0)).toEqual(piece(0, 7))
})

test('another length among peers that ask nobody is another content', () => {
  const f = new CoreFixture()
  f.host('a', { isOurs: false })
  f.host('b', { isOurs: false })
  f.fetcher('a')
  announced(f, 'a', 0, 'crc32:1')
  f.register('b', { pieceLength: 1 << 23 })
  expect(f.core.digest(taskId, 0), 'a piece length proves nothing').toBeDefined()
  f.register('b', { contentLength: 8_000_000 })
  expect(f.core.digest(taskId, 0)).toBeUndefined()
})

test('digests live as long as somebody watches or holds the task, and a minute longer', () => {
  const f = new CoreFixture()
  f.host('a', { announceIntervalMs: 3_600_000 })
  f.asks(9)
  f.finds(9, facts('"1"'))
  f.watches(1)
  f.records(1, true, piece(0, 7))
  f.wait(120_000)
  expect(f.core.digest(taskId, 0)).toBeDefined()
  expect(f.asks(10), 'the facts stay as long').toEqual([`call 10 knows ${CONTENT_LENGTH}`])
  f.fetcher('a')
  f.apply({ type: 'digestsClosed', callId: 1 })
  f.wait(120_000)
  expect(f.core.digest(taskId, 0)).toBeDefined()
  f.apply({ type: 'hostDeleted', hostId: asHostId('a') })
  f.wait(50_000)
  expect(f.core.digest(taskId, 0), 'the host does not matter').toBeDefined()
  f.wait(30_000)
  expect(f.core.digest(taskId, 0)).toBeUndefined()
  expect(f.core.state.digests).toMatchObject({ bytes: 0, pieces: 0 })
})

test('deleting the last copy forgets the digests at once', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.holder('a')
  f.holder('b')
  f.watches(1)
  f.records(1, true, piece(0, 7))
  f.apply({ type: 'taskDeleted', hostId: asHostId('a'), taskId })
  expect(f.core.digest(taskId, 0)).toBeDefined()
  expect(f.apply({ type: 'taskDeleted', hostId: asHostId('b'), taskId })).toEqual([
    'call 1 ends TaskNotFound',
  ])
  expect(f.core.digest(taskId, 0)).toBeUndefined()
})

test('streams that nobody knows are ignored', () => {
  const f = new CoreFixture()
  expect(f.apply({ type: 'digestsClosed', callId: 9 })).toEqual([])
  expect(f.records(9, true, piece(0, 1))).toEqual([])
})
