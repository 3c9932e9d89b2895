import { asPeerId } from '@damselfly/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CoreFixture, PIECE_LENGTH } from './core-fixture.ts'
import type { Peer } from './peer.ts'
import { PieceSet } from './piece-set.ts'

const PIECES = 70
const download = { contentLength: PIECES * PIECE_LENGTH }
const names = ['a', 'b', 'c', 'd']

const setOf = (pieces: readonly number[]): PieceSet => {
  const set = PieceSet.empty()
  for (const piece of pieces) set.add(piece)
  return set
}

const what = fc.uniqueArray(fc.nat(PIECES - 1), { maxLength: PIECES })
const step = fc.record({
  peer: fc.constantFrom(...names),
  kind: fc.constantFrom('hold', 'holdAll', 'forget', 'replace'),
  what,
})

test('peers hold what they were given, whoever had the memory before', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), what, (steps, asked) => {
      const f = new CoreFixture()
      f.hosts(...names)
      for (const name of names) f.register(name, download)
      const peerOf = (name: string) => f.core.state.peers.get(asPeerId(name)) as Peer
      const held = new Map<string, Set<number>>(names.map((name) => [name, new Set()]))
      for (const { peer: name, kind, what: given } of steps) {
        const model = held.get(name) as Set<number>
        if (kind === 'hold') {
          for (const n of given) expect(peerOf(name).hold(n)).toBe(!model.has(n))
        } else if (kind === 'holdAll') {
          peerOf(name).holdAll(setOf([...given, PIECES, PIECES + 40]))
        } else if (kind === 'forget') {
          peerOf(name).forgetPieces()
        } else {
          f.say('peerDeleted', name)
          f.register(name, download)
        }
        if (kind === 'forget' || kind === 'replace') model.clear()
        else for (const n of given) model.add(n)
      }
      for (const [name, model] of held) {
        const peer = peerOf(name)
        expect(peer.heldCount).toBe(model.size)
        expect(peer.isWhole).toBe(model.size === PIECES)
        const common = asked.filter((n) => model.has(n)).length
        expect(peer.countHeld(setOf(asked))).toBe(common)
        expect(peer.holdsAnyOf(setOf(asked))).toBe(common > 0)
        for (let n = 0; n < PIECES + 2; n++)
          expect(peer.holds(n), `${name} ${n}`).toBe(model.has(n))
      }
    }),
    { numRuns: 100 },
  )
})

test('a parent that starts anew is nobody’s parent, and its row may be another’s', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  f.holder('a')
  f.register('b')
  const { state } = f.core
  const b = state.peers.get(asPeerId('b')) as Peer
  expect(b.parents.map(({ id }) => id)).toEqual(['a'])
  f.say('peerDeleted', 'a')
  f.register('c')
  expect(b.parents).toEqual([])
  expect(state.hostTable.children.reduce((sum, count) => sum + count, 0)).toBe(
    (state.peers.get(asPeerId('c')) as Peer).parents.length,
  )
})
