/**
 * One situation to compare policies in. Rates are factors of the usual network card (1 Gbit/s both ways), times
 * are factors of the bound (see `boundMs`) where they say so, else milliseconds.
 */
export interface Scenario {
  readonly name: string
  /** One sentence for people. */
  readonly title: string
  /** Peers that download, without seeds. */
  readonly peers: number
  readonly pieceCount: number
  readonly pieceBytes: number
  readonly seeds: SeedsOf
  /** Uplinks of the peers: shares of them with a factor each. Absent = all 1. */
  readonly uplinks?: readonly UplinkShare[]
  /** What the peers declare: the truth, or that all are the same. Default: the truth. */
  readonly declared?: 'true' | 'same'
  /** Network card, bytes per second. Default 125,000,000. */
  readonly nicBytesPerSec?: number
  /** Of disks and cards alike: nobody takes in more than this factor. Default 1. */
  readonly downlink?: number
  readonly racks?: RacksOf
  /** Times at which the peers come: all at once, or by chance over so many bounds. Default: at once. */
  readonly arrivals?: { readonly overBounds: number }
  /** So many peers, as a share, die at a random moment between 0.2 and 0.8 bounds after their start. */
  readonly deaths?: number
  /** So many peers, as a share, have an uplink of a tenth, and do not say so. */
  readonly stragglers?: number
  /** Everybody reads the content in order while it comes. */
  readonly hasReaders?: boolean
  /** The origin's uplink, a factor. Absent = nobody may go there: the seeds hold the content from the start. */
  readonly origin?: number
  /** What goes wrong on the way. */
  readonly faults?: readonly Fault[]
}

export interface SeedsOf {
  readonly count: number
  /** Uplink and downlink of each, a factor. */
  readonly speed: number
  /** With an origin: how long the seed takes to begin once it is called. */
  readonly startMs?: number
}

export interface UplinkShare {
  readonly share: number
  readonly factor: number
}

export interface RacksOf {
  readonly count: number
  /** What a rack's hosts could send together over what the rack's own link carries. */
  readonly oversubscription: number
}

/** `at` and `until` in bounds. */
export type Fault =
  /** The scheduler is gone for a while and comes back knowing nothing. */
  | { readonly type: 'schedulerRestart'; readonly at: number; readonly until: number }
  /** A share of the peers crash and come back with what they held. */
  | {
      readonly type: 'hostRestart'
      readonly at: number
      readonly until: number
      readonly share: number
    }
  /** A share of the hosts (peers only) and the rest do not reach each other; the scheduler is with the rest. */
  | {
      readonly type: 'partition'
      readonly at: number
      readonly until: number
      readonly share: number
    }
  /** The first seed dies. */
  | { readonly type: 'seedDeath'; readonly at: number }

export const USUAL_NIC = 125_000_000

export const MIB = 1024 * 1024

export const contentBytes = ({ pieceCount, pieceBytes }: Scenario): number =>
  pieceCount * pieceBytes
