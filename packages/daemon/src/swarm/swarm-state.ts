import type { Random } from '@damselfly/core'
import type { ClientParams } from './client-params.ts'
import type { NeighbourTraits, Slot, SwarmAction } from './messages.ts'
import type { PieceMap } from './piece-map.ts'

/** What is remembered of a neighbour besides its pieces. */
export interface Neighbour extends NeighbourTraits {
  /** Failures and stalls since its last whole piece. */
  strikes: number
  /** When the last message or byte came. */
  heardAt: number
  /** A slow one is not asked until then. */
  restsUntil: number
  /** It is to be removed; the driver has been told. */
  isDropped: boolean
}

/** What the two sides of an exchange, taking and giving, have in common. */
export interface SwarmState {
  readonly map: PieceMap
  /** By number; `undefined` where a number is free. */
  readonly neighbours: (Neighbour | undefined)[]
  /** Actions that the driver has not taken yet. */
  readonly actions: SwarmAction[]
  readonly random: Random
  readonly lengthOf: (piece: number) => number
  /** Pieces under way between this host and one neighbour at a time, each way. */
  readonly depth: number
  /** The driver does not see how much of a piece has come. */
  readonly isBlind: boolean
  params: ClientParams
  /** Bytes per second; 0 when unknown. */
  uplink: number
  downlink: number
}

/** The neighbour of that number, unless it is unknown or given up. */
export function activeNeighbour(state: SwarmState, slot: Slot): Neighbour | undefined {
  const neighbour = state.neighbours[slot]
  return neighbour?.isDropped === false ? neighbour : undefined
}
