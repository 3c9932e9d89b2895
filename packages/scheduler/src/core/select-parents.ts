import type { Candidate, ParentView } from '@damselfly/policy'
import type { CoreState } from './core-state.ts'
import { canGive, canServe, Flow } from './coverage.ts'
import type { PieceSet } from './piece-set.ts'
import type { Host, Peer } from './resources.ts'
import { isAtSource, missingPieces } from './swarm.ts'

/** More parents than this are never named, however many it would take to cover a child's pieces. */
export const MAX_PARENTS = 20
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
  if (child.task.usable.length === 0) return { parents: [], rest: missing }
  const parents = includeOrigin(state, child, missing, pick(state, child, missing))
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

/** Parents that the policy would give the child now and that it has not got yet. */
export function moreParents(state: CoreState, child: Peer): Peer[] {
  const picked = pick(state, child, missingPieces(child))
  return picked.filter((parent) => !child.parents.includes(parent))
}

function pick(state: CoreState, child: Peer, missing: PieceSet): Peer[] {
  const { usable } = child.task
  const k = state.options.parentLimit
  const indexes = state.policy.parents(viewFor(state, child, missing), k, state.random)
  const picked = new Set<Peer>()
  for (const index of indexes.slice(0, k)) {
    const peer = usable[index]
    if (peer !== undefined && isCandidate(state, peer, child, missing)) picked.add(peer)
  }
  return [...picked]
}

function viewFor(state: CoreState, child: Peer, missing: PieceSet): ParentView {
  const { usable } = child.task
  return {
    child: placeOf(child.host),
    size: usable.length,
    candidate(index) {
      const peer = usable[index]
      if (peer === undefined || !isCandidate(state, peer, child, missing)) return undefined
      return describe(peer, missing)
    },
  }
}

function isCandidate(state: CoreState, peer: Peer, child: Peer, missing: PieceSet): boolean {
  return canServe(state, peer, child) && canGive(peer, missing)
}

function describe(peer: Peer, missing: PieceSet): Candidate {
  return {
    place: placeOf(peer.host),
    capacity: peer.host.facts.maxTxBandwidth,
    outDegree: peer.host.outDegree,
    heldPieces: peer.have.count,
    usefulPieces: peer.have.countCommon(missing),
    failures: peer.host.failures,
  }
}

const placeOf = ({ facts: { idc, location } }: Host) => ({
  ...(idc === undefined ? {} : { idc }),
  ...(location === undefined ? {} : { location }),
})

/** The first children get the one that fetches from the origin, or there would be nobody to spread the pieces. */
function includeOrigin(
  state: CoreState,
  child: Peer,
  missing: PieceSet,
  picked: readonly Peer[],
): Peer[] {
  const k = state.options.parentLimit
  const parents = [...picked]
  for (const origin of origins(child)) {
    if (parents.includes(origin) || !isCandidate(state, origin, child, missing)) continue
    if (parents.length < k) parents.push(origin)
    else if (origin.children.size < ORIGIN_DEGREE_FACTOR * k) {
      parents[k - 1] = origin
      break
    }
  }
  return parents
}

function* origins({ task }: Peer): Generator<Peer> {
  for (const lease of task.leases) if (lease.peer !== undefined) yield lease.peer
  yield* task.seedPeers
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
    this.rest.remove(parent.have)
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
  for (const peer of [...origins(child), ...child.task.usable.slice(0, MAX_LOOKS)]) {
    if (rest.isEmpty || list.length >= MAX_PARENTS) break
    if (list.includes(peer) || !isCandidate(state, peer, child, missing)) continue
    if (bringing.add(peer)) list.push(peer)
  }
  return { parents: list, rest }
}
