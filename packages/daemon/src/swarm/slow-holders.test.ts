import { seededRandom } from '@damselfly/core'
import { expect, test } from 'vitest'
import { defaultClientParams } from './client-params.ts'
import { Exchange } from './exchange.ts'

const pieces = 20
const pieceLength = 1_000

function fetched(child: Exchange, slot: number, startedAt: number, ms: number): void {
  child.receive(slot, { kind: 'grant', piece: undefined }, startedAt)
  for (const action of child.takeActions()) {
    if (action.kind === 'request') child.pieceArrived(slot, action.piece, startedAt + ms)
  }
}

test('slow neighbours are asked when no faster one has anything left', () => {
  const child = new Exchange({
    pieceCount: pieces,
    pieceLength,
    contentLength: pieces * pieceLength,
    params: defaultClientParams(pieces),
    isSeed: false,
    random: { ...seededRandom(1), next: () => 0.5 },
  })
  child.want(0, pieces, 0)
  const traits = { isSeed: false, isNear: true, grants: true }
  const [fast = 0, slow = 0, alsoSlow = 0] = [0, 0, 0].map(() => child.addNeighbour(traits, 0))
  child.receive(fast, { kind: 'have', pieces: [0, 1, 2, 3, 4, 5] }, 0)
  for (let n = 0; n < 6; n++) fetched(child, fast, n * 20, 10)
  const rest = Array.from({ length: pieces - 6 }, (_, n) => n + 6)
  for (const slot of [slow, alsoSlow]) child.receive(slot, { kind: 'have', pieces: rest }, 200)
  for (let n = 0; n < 2; n++) {
    fetched(child, slow, 200 + 4_000 * n, 1_000)
    fetched(child, alsoSlow, 2_200 + 4_000 * n, 1_000)
  }
  child.receive(slow, { kind: 'grant', piece: undefined }, 9_000)
  expect(child.takeActions()).toContainEqual(
    expect.objectContaining({ kind: 'request', slot: slow }),
  )
})
