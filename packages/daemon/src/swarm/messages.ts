/** Why a grant is not used: no place for another piece, or nothing that this neighbour could give. */
export type DeclineReason = 'full' | 'nothing'

/**
 * What the neighbours of a swarm say to each other about one task.
 *
 * - `inventory`: all pieces that the sender holds, once, when they meet; bit `n & 31` of word `n >>> 5` is piece `n`.
 * - `have`: it holds these, too.
 * - `lost`: it does not hold these any more.
 * - `fetching`: it has begun to fetch them, or given up. Told to near neighbours only.
 * - `interested`: it would take a piece. Stands until it declines.
 * - `grant`: it may take one piece now, best the named one.
 * - `decline`: it does not, and its interest ends.
 */
export type SwarmMessage =
  | { readonly kind: 'inventory'; readonly words: Uint32Array }
  | { readonly kind: 'have'; readonly pieces: readonly number[] }
  | { readonly kind: 'lost'; readonly pieces: readonly number[] }
  | { readonly kind: 'fetching'; readonly pieces: readonly number[]; readonly on: boolean }
  | { readonly kind: 'interested' }
  | { readonly kind: 'grant'; readonly piece: number | undefined }
  | { readonly kind: 'decline'; readonly reason: DeclineReason }

/** What is known of a neighbour when it is met. */
export interface NeighbourTraits {
  readonly isSeed: boolean
  /** Same rack, or places are unknown. */
  readonly isNear: boolean
  /** False: one that knows nothing of grants and may be asked at any time, for a bounded number of pieces at once. */
  readonly grants: boolean
}

/** Number of a neighbour; used again after `removeNeighbour`. */
export type Slot = number

/** Stands for the origin where a neighbour's number is asked for. */
export const originSlot = -1

export type RefreshReason = 'starved' | 'slow' | 'lost'

/** What the driver has to do, in this order. */
export type SwarmAction =
  | { readonly kind: 'send'; readonly to: Slot | 'all' | 'near'; readonly message: SwarmMessage }
  /** Fetch the piece from there; ends with `pieceArrived`, `pieceFailed` or a `cancel`. */
  | {
      readonly kind: 'request'
      readonly slot: Slot
      readonly piece: number
      readonly isHedge: boolean
    }
  /** That fetch is over; nothing is to be told of it any more. */
  | { readonly kind: 'cancel'; readonly slot: Slot; readonly piece: number }
  /** Ask the scheduler for more neighbours; each of `drop` has to be removed. */
  | { readonly kind: 'refresh'; readonly drop: readonly Slot[]; readonly reason: RefreshReason }

/** Messages without content, made once. */
export const interested: SwarmMessage = { kind: 'interested' }
export const grantAny: SwarmMessage = { kind: 'grant', piece: undefined }
export const declines: Readonly<Record<DeclineReason, SwarmMessage>> = {
  full: { kind: 'decline', reason: 'full' },
  nothing: { kind: 'decline', reason: 'nothing' },
}
