import { seededRandom } from '@damselfly/core'
import { describe, expect, test } from 'vitest'
import type { Exchange } from './exchange.ts'
import {
  allOf,
  childOf,
  exchangeOf,
  far,
  grant,
  near,
  ofKind,
  pieceLength,
  said,
  warmUp,
} from './exchange-fixture.ts'
import { originSlot, type SwarmAction } from './messages.ts'

describe('a child', () => {
  test('says that it is interested, once, and asks for a piece only when it may', () => {
    const child = childOf(10, [near])
    expect(said(child, 0)).toEqual(['interested'])
    child.receive(0, { kind: 'have', pieces: [3] }, 1)
    expect(child.takeActions()).toEqual([])
    child.receive(0, { kind: 'grant', piece: undefined }, 2)
    expect(ofKind(child.takeActions(), 'request')).toHaveLength(1)
  })

  test('takes the named piece if it still wants it, else another', () => {
    const child = childOf(10, [near, near])
    expect(grant(child, 0, 1, 7)).toBe(7)
    expect(grant(child, 1, 1, 7)).not.toBe(7)
  })

  test('takes no piece twice', () => {
    const child = childOf(2, [near, near, near])
    expect([grant(child, 0, 1), grant(child, 1, 1)].sort()).toEqual([0, 1])
    child.receive(2, { kind: 'grant', piece: undefined }, 1)
    expect(said(child, 2)).toEqual(['decline full'])
  })

  test('declines beyond its concurrency and is interested again when there is a place', () => {
    const child = childOf(200, [near, near, near, near], { params: { concurrency: 3 } })
    const first = grant(child, 0, 1)
    grant(child, 1, 1)
    grant(child, 2, 1)
    child.receive(3, { kind: 'grant', piece: undefined }, 1)
    expect(said(child, 3)).toEqual(['decline full'])
    child.pieceArrived(0, first ?? 0, 50)
    expect(said(child, 3)).toEqual(['interested'])
  })

  test('declines when there is nothing, and is interested again when a piece is free again', () => {
    const child = childOf(1, [near, near], { params: { concurrency: 3 } })
    grant(child, 0, 1)
    child.receive(1, { kind: 'grant', piece: undefined }, 1)
    expect(said(child, 1)).toEqual(['decline nothing'])
    child.pieceFailed(0, 0, 'broken', 10)
    expect(said(child, 1)).toEqual(['interested'])
    expect(grant(child, 1, 11)).toBe(0)
  })

  test('tells everybody of what arrived, and nobody twice', () => {
    const child = childOf(3, [near, near])
    const piece = grant(child, 0, 1) ?? -1
    child.takeActions()
    child.pieceArrived(0, piece, 5)
    expect(said(child, 'all')).toEqual(['have'])
    child.pieceArrived(originSlot, piece, 6)
    expect(said(child, 'all')).toEqual([])
    expect(child.wastedBytes).toBe(pieceLength)
  })

  test('leaves to others of its host what they fetch', () => {
    const child = exchangeOf(2)
    child.want(0, 2, 0)
    child.reserve(0, true, 0)
    child.addNeighbour(near, 0)
    child.receive(0, { kind: 'have', pieces: [0] }, 0)
    expect(child.takeActions()).toEqual([])
    child.reserve(0, false, 1)
    expect(said(child, 0)).toEqual(['interested'])
  })

  test('wants nothing more when nobody waits', () => {
    const child = childOf(10, [near])
    grant(child, 0, 1)
    child.takeActions()
    child.wantNothing()
    expect(ofKind(child.takeActions(), 'cancel')).toHaveLength(1)
    expect(child.isDone).toBe(true)
    child.receive(0, { kind: 'grant', piece: undefined }, 2)
    expect(said(child, 0)).toEqual(['decline nothing'])
    child.want(3, 4, 3)
    expect(grant(child, 0, 4)).toBe(3)
  })

  test('stays within the window of a reader while it can', () => {
    const child = childOf(1_000, [near, near, near], { params: { window: 10 } })
    child.setReader(100)
    const pieces = [0, 1, 2].map((slot) => grant(child, slot, 1) ?? -1)
    for (const piece of pieces) {
      expect(piece).toBeGreaterThanOrEqual(100)
      expect(piece).toBeLessThan(110)
    }
    for (const [slot, piece] of pieces.entries()) child.pieceArrived(slot, piece, 2)
    for (const piece of allOf(10)) child.pieceArrived(originSlot, 100 + piece, 3)
    const next = grant(child, 0, 4) ?? -1
    expect(next).toBeGreaterThanOrEqual(110)
    expect(next).toBeLessThan(120)
  })

  test('takes from outside the window what would else leave an uplink idle', () => {
    const child = childOf(100, [], { params: { window: 10 } })
    child.setReader(0)
    child.addNeighbour(near, 0)
    child.receive(0, { kind: 'have', pieces: [50] }, 0)
    expect(grant(child, 0, 1)).toBe(50)
  })

  test('ignores numbers that are no pieces', () => {
    const child = exchangeOf(10)
    child.want(0, 10, 0)
    child.addNeighbour(near, 0)
    child.receive(0, { kind: 'have', pieces: [-1, 10, 1.5, Number.NaN, 1e12] }, 0)
    child.receive(0, { kind: 'inventory', words: new Uint32Array([0xffff_fc00, 1, 2, 3]) }, 0)
    child.receive(0, { kind: 'fetching', pieces: [-1, 1e9], on: true }, 0)
    child.receive(7, { kind: 'interested' }, 0)
    expect(child.openAt(0)).toBe(0)
    child.receive(0, { kind: 'grant', piece: 99 }, 0)
    expect(said(child, 0)).toEqual(['decline nothing'])
  })
})

describe('far neighbours', () => {
  test('give what nobody near has or fetches', () => {
    const child = childOf(4, [far])
    child.addNeighbour(near, 0)
    child.receive(1, { kind: 'have', pieces: [0] }, 0)
    child.receive(1, { kind: 'fetching', pieces: [1, 2], on: true }, 0)
    expect(grant(child, 0, 1, 1)).toBe(3)
  })

  test('give the rest when nobody near has given anything for a while', () => {
    const child = childOf(2, [far, near])
    // Both are near: something has just come from there.
    warmUp(child, 1, 1)
    child.receive(0, { kind: 'grant', piece: undefined }, 150)
    expect(said(child, 0)).toEqual(['decline nothing'])
    child.tick(550)
    expect(said(child, 0)).toEqual([])
    child.tick(601)
    expect(said(child, 0)).toEqual(['interested'])
    expect(grant(child, 0, 602)).toBeDefined()
  })

  test('are told of nothing that is being fetched; near ones are', () => {
    const child = childOf(4, [far])
    child.addNeighbour(near, 0)
    child.takeActions()
    child.receive(0, { kind: 'grant', piece: undefined }, 1)
    expect(ofKind(child.takeActions(), 'send')).toMatchObject([
      { to: 'near', message: { kind: 'fetching', on: true } },
    ])
  })

  test('are of no use for what is being fetched near until that is given up', () => {
    const child = childOf(1, [far])
    child.addNeighbour(near, 0)
    warm(child)
    child.receive(1, { kind: 'fetching', pieces: [0], on: true }, 0)
    expect(child.openAt(0)).toBe(0)
    child.receive(1, { kind: 'fetching', pieces: [0], on: false }, 0)
    expect(child.openAt(0)).toBe(1)
  })
})

const warm = (exchange: Exchange): readonly SwarmAction[] => exchange.takeActions()

describe('trouble', () => {
  test('a neighbour that has frozen is dropped and its piece is free within two seconds', () => {
    const child = childOf(10, [near, near])
    const piece = grant(child, 0, 0)
    for (let now = 100; now <= 1_600; now += 100) child.tick(now)
    const actions = child.takeActions()
    expect(ofKind(actions, 'cancel')).toEqual([{ kind: 'cancel', slot: 0, piece }])
    expect(ofKind(actions, 'refresh')).toEqual([{ kind: 'refresh', drop: [0], reason: 'lost' }])
    expect(child.isOpen(piece ?? -1)).toBe(true)
  })

  test('one that talks but sends nothing has a second chance', () => {
    const child = childOf(10, [near])
    grant(child, 0, 0)
    for (let now = 100; now <= 1_600; now += 100) {
      child.receive(0, { kind: 'have', pieces: [1] }, now)
      child.tick(now)
    }
    expect(ofKind(child.takeActions(), 'refresh')).toEqual([])
    grant(child, 0, 1_600)
    for (let now = 1_700; now <= 3_200; now += 100) {
      child.receive(0, { kind: 'have', pieces: [1] }, now)
      child.tick(now)
    }
    expect(ofKind(child.takeActions(), 'refresh')).toMatchObject([{ drop: [0], reason: 'slow' }])
  })

  test('bytes that come keep a long piece alive', () => {
    const child = childOf(10, [near])
    const piece = grant(child, 0, 0) ?? -1
    for (let now = 100; now <= 10_000; now += 100) {
      child.progress(0, piece, now / 100, now)
      child.tick(now)
    }
    expect(ofKind(child.takeActions(), 'cancel')).toEqual([])
    expect(child.takeReport().bytes.near).toBe(100)
  })

  test('so does a neighbour that says it sends', () => {
    const child = childOf(10, [near])
    grant(child, 0, 0)
    for (let now = 100; now <= 5_000; now += 100) {
      if (now % 500 === 0) child.alive(0, now)
      child.tick(now)
    }
    expect(ofKind(child.takeActions(), 'cancel')).toEqual([])
  })

  test('an overloaded neighbour is left alone for a moment, without blame', () => {
    const child = childOf(10, [near])
    for (let n = 0; n < 5; n++) {
      child.pieceFailed(0, grant(child, 0, n * 1_000) ?? -1, 'busy', n * 1_000)
    }
    expect(ofKind(child.takeActions(), 'refresh')).toEqual([])
  })

  test('interest that brings no grant for three seconds is told again', () => {
    const child = childOf(200, [near])
    expect(said(child, 0)).toEqual(['interested'])
    child.tick(2_900)
    expect(said(child, 0)).toEqual([])
    child.tick(3_000)
    expect(said(child, 0)).toEqual(['interested'])
  })

  test('a grant that the driver had to decline ends the interest until a moment later', () => {
    const child = childOf(200, [near])
    const piece = grant(child, 0, 0) ?? -1
    child.pieceFailed(0, piece, 'declined', 0)
    expect(said(child, 0)).not.toContain('interested')
    child.tick(300)
    expect(said(child, 0)).toEqual(['interested'])
  })

  test('nobody is blamed for the time in which this host slept', () => {
    const child = childOf(10, [near])
    grant(child, 0, 0)
    child.tick(100)
    child.tick(60_000)
    expect(ofKind(child.takeActions(), 'cancel')).toEqual([])
  })

  test('who sends wrong bytes is dropped at once, who fails after the second time', () => {
    const child = childOf(10, [near, near])
    child.pieceFailed(0, grant(child, 0, 0) ?? -1, 'corrupt', 5)
    expect(ofKind(child.takeActions(), 'refresh')).toMatchObject([{ drop: [0], reason: 'lost' }])
    child.pieceFailed(1, grant(child, 1, 6) ?? -1, 'broken', 7)
    expect(ofKind(child.takeActions(), 'refresh')).toEqual([])
    child.pieceFailed(1, grant(child, 1, 400) ?? -1, 'broken', 401)
    expect(ofKind(child.takeActions(), 'refresh')).toMatchObject([{ drop: [1], reason: 'lost' }])
  })

  test('a piece that a neighbour does not have any more is asked of others, without blame', () => {
    const child = childOf(1, [near, near])
    child.pieceFailed(0, grant(child, 0, 0) ?? -1, 'missing', 5)
    expect(child.openAt(0)).toBe(0)
    expect(grant(child, 1, 6)).toBe(0)
  })

  test('a piece that is lost is told, and nobody counts on it', () => {
    const parent = exchangeOf(10)
    parent.pieceArrived(originSlot, 4, 0)
    parent.addNeighbour(near, 0)
    parent.takeActions()
    parent.pieceLost(4, 1)
    expect(said(parent, 'all')).toEqual(['lost'])
    const child = childOf(10, [near])
    child.receive(0, { kind: 'lost', pieces: [4, 99] }, 1)
    expect(child.openAt(0)).toBe(9)
  })

  test('the pieces of a neighbour that has gone are free, and others are asked for', () => {
    const child = childOf(10, [near, near])
    const piece = grant(child, 0, 0) ?? -1
    child.removeNeighbour(0, 10)
    expect(child.isOpen(piece)).toBe(true)
    expect(ofKind(child.takeActions(), 'refresh')).toMatchObject([{ drop: [], reason: 'lost' }])
  })

  test('with nothing to do for half a second others are asked for, then ever more seldom', () => {
    const child = exchangeOf(10)
    child.want(0, 10, 0)
    const asked: number[] = []
    for (let now = 0; now <= 20_000; now += 100) {
      child.tick(now)
      if (ofKind(child.takeActions(), 'refresh').length > 0) asked.push(now)
    }
    expect(asked).toEqual([500, 1_500, 3_500, 7_500, 15_500])
  })

  test('a slow neighbour is left alone while others have the piece', () => {
    const child = childOf(200, [near, near], { random: { ...seededRandom(1), next: () => 0.5 } })
    const now = warmUp(child, 0, 5)
    for (let n = 0; n < 2; n++) {
      child.pieceArrived(1, grant(child, 1, now) ?? -1, now + 1_000)
    }
    child.takeActions()
    child.receive(1, { kind: 'grant', piece: undefined }, now + 1_000)
    expect(said(child, 1)).toEqual(['decline nothing'])
    child.tick(now + 1_500)
    expect(said(child, 1)).toEqual([])
    child.tick(now + 2_000)
    expect(said(child, 1)).toEqual(['interested'])
    expect(child.takeReport().slow).toEqual([1])
    child.removeNeighbour(0, now + 2_000)
    expect(grant(child, 1, now + 2_001)).toBeDefined()
  })
})

describe('a late piece', () => {
  test('is asked of somebody else, and the loser is cancelled', () => {
    const child = childOf(200, [near, near])
    const now = warmUp(child, 0, 5)
    const late = grant(child, 0, now) ?? -1
    for (const piece of allOf(200)) {
      if (piece !== late) child.pieceArrived(originSlot, piece, now)
    }
    child.tick(now + 100)
    child.takeActions()
    child.tick(now + 350)
    child.receive(1, { kind: 'grant', piece: undefined }, now + 351)
    const actions = child.takeActions()
    expect(ofKind(actions, 'request')).toEqual([
      { kind: 'request', slot: 1, piece: late, isHedge: true },
    ])
    child.pieceArrived(1, late, now + 450)
    expect(ofKind(child.takeActions(), 'cancel')).toEqual([
      { kind: 'cancel', slot: 0, piece: late },
    ])
    expect(child.isDone).toBe(true)
  })

  test('costs a whole piece of the budget where nobody sees how much came', () => {
    const child = childOf(200, [near, near], { isBlind: true })
    const now = warmUp(child, 0, 5)
    const late = grant(child, 0, now) ?? -1
    child.tick(now + 100)
    child.tick(now + 450)
    for (const piece of allOf(200)) {
      if (piece !== late) child.pieceArrived(originSlot, piece, now + 450)
    }
    const wasted = child.wastedBytes
    grant(child, 1, now + 451)
    child.pieceArrived(1, late, now + 500)
    expect(child.wastedBytes - wasted).toBe(1_000)
  })

  test('makes room for another one', () => {
    const child = childOf(200, [near, near], { params: { concurrency: 1, maxConcurrency: 1 } })
    const now = warmUp(child, 0, 5)
    grant(child, 0, now)
    child.takeActions()
    child.receive(1, { kind: 'grant', piece: undefined }, now + 1)
    expect(said(child, 1)).toEqual(['decline full'])
    child.tick(now + 300)
    child.tick(now + 600)
    expect(said(child, 1)).toEqual(['interested'])
  })
})
