import { randomInt } from '@damselfly/core'
import { z } from 'zod'
import { dragonflyScore } from './dragonfly-score.ts'
import { type ParentPolicy, POLICY_API_VERSION } from './parent-policy.ts'
import { policyKind } from './policy-kind.ts'
import { peerPhase, type SwarmView } from './swarm-view.ts'
import { TopList } from './top-list.ts'

const params = z.strictObject({
  /** Peers that are looked at (filterParentLimit). Default 15. */
  sampleSize: z.int().min(10).max(1000).default(15),
  /** Parents, however many are asked for (candidateParentLimit). Default 3. */
  parentLimit: z.int().min(1).max(20).default(3),
  /** Pieces that a child loads at a time, for views without books. Default 8. */
  concurrentPieceCount: z.int().min(1).max(1000).default(8),
})

/** A download is judged by its times from this many pieces on; by mean and deviation when the window is full. */
const MIN_COSTS = 2
const COST_WINDOW = 2000
const COST_FACTOR = 20
const COST_DEVIATIONS = 3

/** About the golden section, so that neighbours of the walk are not neighbours of the list. */
const STRIDE_SHARE = 0.618

/**
 * The rule of Dragonfly 2.5's scheduler, as the arm to compare with: a few peers of the task, whoever they are, without
 * those that cannot or should not serve, ranked by book-keeping of load, by place and by kind. Like the iteration of a
 * hash map in Go, which is where it takes them from, a sample is a run of one fixed order from a random start.
 *
 * Needs `view.books` to be exact; without them the load is derived from the number of children, times of pieces are not
 * judged, and cycles are not avoided.
 */
export const dragonflyPolicy = policyKind('dragonfly', params, (given): ParentPolicy => {
  const best = new TopList(given.parentLimit)
  return {
    name: 'dragonfly',
    version: 1,
    apiVersion: POLICY_API_VERSION,
    parents(view, child, k, random, out) {
      const { members } = view
      const stride = strideOf(members.size)
      let at = members.size === 0 ? 0 : randomInt(random, members.size)
      best.start(out, k)
      for (let i = 0; i < given.sampleSize && i < members.size; i++) {
        const parent = members.ids[at] as number
        at = (at + stride) % members.size
        if (!isCandidate(view, child, parent)) continue
        best.add(parent, dragonflyScore(view, child, parent, given.concurrentPieceCount))
      }
      return best.size
    },
  }
})

/** Steps of this length visit every place of a list of this size. */
function strideOf(size: number): number {
  let stride = Math.max(1, Math.round(size * STRIDE_SHARE))
  while (greatestCommonDivisor(stride, size) > 1) stride += 1
  return stride
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

function isCandidate(view: SwarmView, child: number, parent: number): boolean {
  const { phase, inDegree, host } = view.peer
  const state = phase[parent]
  if (state === peerPhase.waiting || state === peerPhase.gone) return false
  const isFed = inDegree[parent] !== 0 || state !== peerPhase.running
  if (!isFed && view.host.isSeed[host[parent] as number] === 0) return false
  if (hasBadCost(view, parent) || view.books?.isAncestor(child, parent) === true) return false
  return view.mayServe(parent, child)
}

/** The time of the last piece that the candidate itself downloaded, against those before it. */
function hasBadCost({ books }: SwarmView, parent: number): boolean {
  if (books === undefined) return false
  const count = books.costCount[parent] as number
  if (count < MIN_COSTS) return false
  const mean = books.costMean[parent] as number
  const limit =
    count < COST_WINDOW
      ? COST_FACTOR * mean
      : mean + COST_DEVIATIONS * (books.costDeviation[parent] as number)
  return (books.costLast[parent] as number) > limit
}
