import { PARENT_SLOTS } from './columns/peer-table.ts'
import type { CoreState } from './core-state.ts'
import { canGive, canServe, Flow } from './coverage.ts'
import { type DecisionView, policyOf, type Question } from './decision-view.ts'
import type { PieceSet } from './piece-set.ts'
import type { Peer } from './resources.ts'
import { isAtSource, usablePeers } from './swarm.ts'

/** Looking for parents that complete a list stops after so many candidates. */
const MAX_LOOKS = 1000
/** The holder of a lease and the seeds are offered to the first so many times `k` children. */
const ORIGIN_DEGREE_FACTOR = 2

/**
 * What counts as coming through a parent: what it holds now; also what it is fetching from the origin; also what
 * flows to it from its own parents.
 */
export type Reach = 'held' | 'near' | 'flow'

export interface Selection {
  /** Best first. */
  readonly parents: readonly Peer[]
  /** What the child lacks and cannot get through these parents. */
  readonly rest: PieceSet
}

/**
 * Parents for a child, and what no parents can bring. A Rust peer asks its parents for all missing pieces and waits
 * for them up to six minutes, so it is only given a list that leaves no rest.
 */
export function selectParents(
  state: CoreState,
  child: Peer,
  missing: PieceSet,
  reach: Reach,
): Selection {
  if (child.task.holders.size + child.task.expecting.size === 0)
    return { parents: [], rest: missing }
  const { parentLimit: k } = state.options
  const slots = pickParents(state, child, missing, { k })
  const parents = slots.map((slot) => state.peerTable.get(slot))
  const bringing = reach === 'flow' ? new Flow(child, missing) : new Direct(missing, reach)
  for (const parent of parents) bringing.add(parent)
  return complete(state, child, missing, { parents, bringing })
}

/** What a child cannot get directly from the parents that it has. */
export function restAfter(state: CoreState, child: Peer, missing: PieceSet): PieceSet {
  const direct = new Direct(missing, 'near')
  for (const parent of child.parents) if (canServe(state, parent, child)) direct.add(parent)
  return direct.rest
}

interface Wanted extends Partial<Pick<Question, 'not' | 'notItsChildren'>> {
  /** So many at most. */
  readonly k: number
}

/**
 * What the policy would choose, and whoever fetches from the origin for the first children, as slots. Parents it has may
 * stay.
 */
export function pickParents(
  state: CoreState,
  child: Peer,
  missing: PieceSet,
  { k, not = [], notItsChildren = false }: Wanted,
): number[] {
  const { holders, expecting } = child.task
  if (k <= 0 || holders.size + expecting.size === 0) return []
  const { view, chosen, random, peerTable } = state
  view.aim({ child, missing, not, notItsChildren })
  const old = peerTable.parentSlots(child.slot)
  const policy = policyOf(state, child.task)
  const count = policy.parents(view, child.slot, k, random, chosen, old)
  const parents: number[] = []
  for (let i = 0; i < count && i < k; i++) {
    const slot = chosen[i] as number
    // Whatever a policy says: never somebody who may not, and nobody twice.
    if (!view.isMember(slot) || !view.mayServe(slot, child.slot)) continue
    if (!parents.includes(slot)) parents.push(slot)
  }
  includeOrigin(view, child, parents, k)
  state.decisions.add(view, child, parents, policy.considered)
  return parents
}

/** The first children get the one that fetches from the origin, or there would be nobody to spread the pieces. */
function includeOrigin(view: DecisionView, child: Peer, parents: number[], k: number): void {
  for (const { slot, childCount } of origins(child)) {
    if (parents.includes(slot) || !view.mayServe(slot, child.slot)) continue
    if (parents.length < k) parents.push(slot)
    else if (childCount < ORIGIN_DEGREE_FACTOR * k) {
      parents[k - 1] = slot
      break
    }
  }
}

function* origins({ task }: Peer): Generator<Peer> {
  for (const lease of task.leases) if (lease.peer !== undefined) yield lease.peer
  yield* task.seedPeers
}

function* candidates(state: CoreState, child: Peer): Generator<Peer> {
  yield* origins(child)
  yield* usablePeers(state, child.task)
}

interface Bringing {
  readonly rest: PieceSet
  /** True when the parent brings pieces that those before it do not. */
  add(parent: Peer): boolean
}

/** Without what parents get from their own parents. */
class Direct implements Bringing {
  readonly rest: PieceSet
  readonly #reach: Reach

  constructor(missing: PieceSet, reach: Reach) {
    this.rest = missing.clone()
    this.#reach = reach
  }

  add(parent: Peer): boolean {
    const before = this.rest.count
    parent.removeHeld(this.rest)
    if (this.#reach === 'near' && isAtSource(parent)) this.rest.removeInterval(parent.wanted)
    return this.rest.count < before
  }
}

/** Adds those who bring what the chosen ones do not. */
function complete(
  state: CoreState,
  child: Peer,
  missing: PieceSet,
  { parents, bringing }: { parents: readonly Peer[]; bringing: Bringing },
): Selection {
  const { rest } = bringing
  const list = [...parents]
  if (rest.isEmpty) return { parents: list, rest }
  let looks = 0
  for (const peer of candidates(state, child)) {
    looks += 1
    if (looks > MAX_LOOKS || rest.isEmpty || list.length >= PARENT_SLOTS) break
    if (list.includes(peer) || !canServe(state, peer, child)) continue
    if (!canGive(peer, child, missing)) continue
    if (bringing.add(peer)) list.push(peer)
  }
  return { parents: list, rest }
}
