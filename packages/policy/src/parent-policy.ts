import type { Random } from '@damselfly/core'

/** Where a host stands. Absent parts are unknown. */
export interface Place {
  /** Data centre, as announced. */
  readonly idc?: string
  /** `region|zone|...|rack`, up to five elements, as announced. */
  readonly location?: string
}

/** What a policy may know about one possible parent. */
export interface Candidate {
  readonly place: Place
  /** Uplink in bits per second; 0 when the host announced none. */
  readonly capacity: number
  /** Children that the host serves now, over all tasks. */
  readonly outDegree: number
  /** Pieces it holds at all, and those among them that the child lacks. */
  readonly heldPieces: number
  readonly usefulPieces: number
  /** Moving average of failed pieces, 0 (never) to 1 (always). */
  readonly failures: number
}

/**
 * A snapshot of one swarm as one child sees it. Candidates are computed when they are asked for, so that a policy
 * that samples costs the same in a swarm of ten and of ten thousand.
 */
export interface ParentView {
  readonly child: Place
  /** How many candidates there may be. */
  readonly size: number
  /** `undefined` when that one may not serve this child: same host, blocked, not sharing, nothing to give. */
  candidate(index: number): Candidate | undefined
}

/**
 * Chooses parents: a pure function of the view and of chance. What must never happen (same host, blocked parents,
 * other tenants) is filtered by the view, so that no policy can break it.
 */
export interface ParentPolicy {
  readonly name: string
  /** At most `k` distinct indexes of usable candidates, best first. */
  parents(view: ParentView, k: number, random: Random): readonly number[]
}
