import type { HostTable } from './columns/host-table.ts'
import type { PeerTable } from './columns/peer-table.ts'
import type { HostFacts } from './facts.ts'
import type { Peer } from './peer.ts'

/** Weight of the newest observation in a host's moving averages. */
const WEIGHT = 0.2
const BITS = 8

/** A daemon that announced itself: the cold facts, and a handle to the row with the hot ones. */
export class Host {
  readonly slot: number
  facts: HostFacts
  announcedAt = 0
  /** As a seed it is not asked before this time. */
  seedFailedUntil = 0
  readonly #table: HostTable
  readonly #peers: PeerTable

  constructor(table: HostTable, peers: PeerTable, facts: HostFacts) {
    this.#table = table
    this.#peers = peers
    this.slot = table.take()
    this.facts = facts
    this.describe(facts)
  }

  describe(facts: HostFacts): void {
    const { slot } = this
    const table = this.#table
    const { rack, idc, region } = table.places.of(facts)
    this.facts = facts
    table.rack[slot] = rack
    table.idc[slot] = idc
    table.region[slot] = region
    table.upCapacity[slot] = facts.maxTxBandwidth / BITS
    table.isSeed[slot] = facts.type === 0 ? 0 : 1
  }

  /** The number of its rack; 0 = unknown. */
  get rack(): number {
    return this.#table.rack[this.slot] as number
  }

  get hasPlace(): boolean {
    const { rack, idc, region } = this.#table
    return rack[this.slot] !== 0 || idc[this.slot] !== 0 || region[this.slot] !== 0
  }

  /** Children of all its peers. */
  get childCount(): number {
    return this.#table.children[this.slot] as number
  }

  /** Moving average of failed pieces, 0 to 1. */
  get failures(): number {
    return this.#table.failures[this.slot] as number
  }

  /** Moving average of children that found it slow, 0 to 1. */
  get slowness(): number {
    return this.#table.slowness[this.slot] as number
  }

  /** A piece came from the host, or failed. */
  recordHealth(failed: 0 | 1): void {
    this.#table.failures[this.slot] = this.failures + WEIGHT * (failed - this.failures)
  }

  /** A child was content with the host's pace, or found it slow. */
  recordPace(slow: 0 | 1): void {
    this.#table.slowness[this.slot] = this.slowness + WEIGHT * (slow - this.slowness)
  }

  /** What the host measured at its uplink, bytes per second. */
  recordUplink(rate: number): void {
    const { upEstimate, upSamples } = this.#table
    const samples = upSamples[this.slot] as number
    const before = upEstimate[this.slot] as number
    upEstimate[this.slot] = samples === 0 ? rate : before + WEIGHT * (rate - before)
    upSamples[this.slot] = Math.min(samples + 1, 0xffff)
  }

  /** A copy, so that peers may leave meanwhile. */
  peers(): Peer[] {
    const peers: Peer[] = []
    let at = this.#table.firstPeer[this.slot] as number
    while (at !== 0) {
      peers.push(this.#peers.get(at - 1))
      at = this.#peers.next[at - 1] as number
    }
    return peers
  }

  addPeer({ slot }: Peer): void {
    const { next, previous } = this.#peers
    const first = this.#table.firstPeer[this.slot] as number
    next[slot] = first
    previous[slot] = 0
    if (first !== 0) previous[first - 1] = slot + 1
    this.#table.firstPeer[this.slot] = slot + 1
  }

  removePeer({ slot }: Peer): void {
    const { next, previous } = this.#peers
    const after = next[slot] as number
    const before = previous[slot] as number
    if (after !== 0) previous[after - 1] = before
    if (before !== 0) next[before - 1] = after
    else this.#table.firstPeer[this.slot] = after
  }

  leave(): void {
    this.#table.giveBack(this.slot)
  }
}
