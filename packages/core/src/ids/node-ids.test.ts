import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../seams/random.ts'
import { asHostId, asPeerId, asPieceId, asTaskId } from './brands.ts'
import { hostId, peerId, pieceId } from './node-ids.ts'

const local = { ip: '127.0.0.1', hostname: 'localhost' }

describe('hostId', () => {
  it('joins address and name', () => {
    expect(hostId({ ...local, isSeed: false })).toBe('127.0.0.1-localhost')
  })

  it('ends with -seed for a seed', () => {
    expect(hostId({ ...local, isSeed: true })).toBe('127.0.0.1-localhost-seed')
  })
})

describe('peerId', () => {
  const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'

  it('has a version 4 UUID and, for a seed, the suffix', () => {
    const random = seededRandom(1)
    expect(peerId({ ...local, isSeed: false }, random)).toMatch(
      new RegExp(`^127\\.0\\.0\\.1-localhost-${uuid}$`),
    )
    expect(peerId({ ...local, isSeed: true }, random)).toMatch(new RegExp(`-${uuid}-seed$`))
  })

  it('is another one on every call', () => {
    const random = seededRandom(1)
    const ids = Array.from({ length: 100 }, () => peerId({ ...local, isSeed: false }, random))
    expect(new Set(ids).size).toBe(100)
  })
})

describe('pieceId', () => {
  it('differs between pieces and between tasks', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.nat(), (task, number) => {
        expect(pieceId(asTaskId(task), number)).toBe(`${task}-${number}`)
      }),
    )
  })
})

describe('the casts', () => {
  it.each([
    ['task', asTaskId],
    ['peer', asPeerId],
    ['host', asHostId],
    ['piece', asPieceId],
  ])('refuse an empty %s id', (what, cast) => {
    expect(() => cast('')).toThrow(`The ${what} id is empty.`)
    expect(cast('x')).toBe('x')
  })
})
