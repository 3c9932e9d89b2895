import { describe, expect, test } from 'vitest'
import { allOf, childOf, exchangeOf, near, ofKind, said, stranger } from './exchange-fixture.ts'
import { originSlot } from './messages.ts'

describe('an uploader', () => {
  test('grants as many pieces as it has slots, to different neighbours', () => {
    const parent = exchangeOf(200, { params: { concurrency: 3 } })
    parent.pieceArrived(originSlot, 0, 0)
    for (const slot of allOf(5)) {
      parent.addNeighbour(near, 0)
      parent.receive(slot, { kind: 'interested' }, 0)
    }
    const grants = ofKind(parent.takeActions(), 'send').filter((a) => a.message.kind === 'grant')
    expect(grants.map(({ to }) => to)).toEqual([0, 1, 2])
    expect(parent.uploadStarted(1, 0, 0)).toBe(true)
    expect(parent.uploadStarted(4, 0, 0)).toBe(false)
    parent.uploadEnded(1, 10, true)
    expect(parent.uploads).toBe(3)
  })

  test('sends more at once when its uplink is larger than the others', () => {
    const parent = exchangeOf(200, { params: { concurrency: 3, meanUplink: 100 } })
    parent.setBandwidth(200, 0)
    expect(parent.uploadSlots).toBe(6)
  })

  /** Two pieces are always under way to one neighbour, each takes so long; returns the slots after so many. */
  const slotsAfter = (pieces: number, isWhole: boolean, ms: number): number => {
    const parent = exchangeOf(200, { params: { concurrency: 2, meanUplink: 100 }, depth: 2 })
    for (const piece of allOf(200)) parent.pieceArrived(originSlot, piece, 0)
    parent.addNeighbour(near, 0)
    parent.receive(0, { kind: 'interested' }, 0)
    for (let piece = 0; piece < 2; piece++) parent.uploadStarted(0, piece, piece * (ms / 2))
    for (let piece = 2; piece < pieces + 2; piece++) {
      const now = piece * (ms / 2)
      parent.uploadEnded(0, now, isWhole)
      parent.receive(0, { kind: 'interested' }, now)
      parent.uploadStarted(0, piece, now)
    }
    return parent.uploadSlots
  }

  test('measures each of the pieces that follow each other to one neighbour', () => {
    expect(slotsAfter(50, true, 20_000), 'as fast as elsewhere').toBe(2)
    expect(slotsAfter(50, true, 5_000), 'four times as fast').toBe(3)
  })

  test('learns nothing from pieces that were broken off', () => {
    expect(slotsAfter(50, false, 10)).toBe(2)
  })

  test('tells a new neighbour what it holds', () => {
    const parent = exchangeOf(40)
    parent.pieceArrived(originSlot, 0, 0)
    parent.pieceArrived(originSlot, 33, 0)
    parent.addNeighbour(near, 0)
    expect(ofKind(parent.takeActions(), 'send')).toMatchObject([
      { to: 0, message: { kind: 'inventory', words: new Uint32Array([1, 2]) } },
    ])
  })

  test('names the piece when it is a seed', () => {
    const seed = exchangeOf(200, { isSeed: true })
    for (const piece of allOf(200)) seed.pieceArrived(originSlot, piece, 0)
    const named: (number | undefined)[] = []
    for (const slot of allOf(3)) {
      seed.addNeighbour(near, 0)
      seed.receive(slot, { kind: 'interested' }, 0)
    }
    for (const { message } of ofKind(seed.takeActions(), 'send')) {
      if (message.kind === 'grant') named.push(message.piece)
    }
    expect(new Set(named).size).toBe(3)
    expect(named).not.toContain(undefined)
  })

  test('takes back a grant that is not used', () => {
    const parent = exchangeOf(200, { params: { concurrency: 1 } })
    parent.pieceArrived(originSlot, 0, 0)
    parent.addNeighbour(near, 0)
    parent.addNeighbour(near, 0)
    parent.receive(0, { kind: 'interested' }, 0)
    parent.receive(1, { kind: 'interested' }, 0)
    parent.takeActions()
    for (let now = 100; now <= 1_000; now += 100) parent.tick(now)
    expect(said(parent, 1)).toEqual(['grant'])
  })

  test('has a bound for its neighbours', () => {
    const parent = exchangeOf(1, { neighbourLimit: 2 })
    expect([0, 1, 2].map(() => parent.addNeighbour(near, 0))).toEqual([0, 1, undefined])
  })
})

describe('neighbours that know no grants', () => {
  test('are asked at once, the least busy first, seeds last, each for a bounded number of pieces', () => {
    const seed = { ...stranger, isSeed: true }
    const child = childOf(200, [seed, stranger], { params: { concurrency: 4 } })
    expect(child.flows.map(({ slot }) => slot).sort()).toEqual([0, 0, 1, 1])
    expect(said(child, 0)).toEqual([])
  })

  test('are asked again when a piece has come', () => {
    const child = childOf(200, [stranger], { params: { concurrency: 2 } })
    expect(child.flows).toHaveLength(1)
    child.pieceArrived(0, child.flows[0]?.piece ?? -1, 5)
    expect(child.flows).toHaveLength(1)
  })
})
