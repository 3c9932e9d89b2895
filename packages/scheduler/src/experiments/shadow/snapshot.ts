import {
  type HostColumns,
  offer,
  type PeerColumns,
  type PeerList,
  type SwarmView,
} from '@damselfly/policy'
import { z } from 'zod'
import type { Decision } from './shadow.ts'

const numbers = z.array(z.number())
const integers = z.array(z.int().nonnegative())

const peerColumns = z.object({
  host: integers,
  have: integers,
  outDegree: integers,
  inDegree: integers,
  phase: integers,
} satisfies Record<keyof PeerColumns, z.ZodType>)

const hostColumns = z.object({
  rack: integers,
  idc: integers,
  region: integers,
  upCapacity: numbers,
  upEstimate: numbers,
  upSamples: integers,
  slots: integers,
  activeUploads: integers,
  outDegree: integers,
  failures: numbers,
  slowness: numbers,
  isSeed: integers,
} satisfies Record<keyof HostColumns, z.ZodType>)

/**
 * One decision with all that the policy saw, so that any policy can be asked what it would have done. Peers and hosts are
 * numbered from 0 in it; what depends on two peers is kept for the child only. Dragonfly's books are not in it.
 */
const snapshot = z.object({
  /** Milliseconds since the Unix epoch. */
  at: z.number(),
  policy: z.string(),
  policyVersion: z.number(),
  /** Of the chance that the policy had. */
  seed: z.number(),
  k: z.int().positive(),
  child: z.int().nonnegative(),
  old: integers,
  chosen: integers,
  task: z.object({
    pieceCount: z.number(),
    pieceLength: z.number(),
    contentLength: z.number(),
    ageMs: z.number(),
    priority: z.number(),
    meanUplink: z.number(),
  }),
  peers: peerColumns,
  hosts: hostColumns,
  /** By peer: pieces that it holds and the child lacks; 1 = it may serve the child. */
  useful: integers,
  mayServe: integers,
  holders: integers,
  expecting: integers,
  seeds: integers,
  racks: z.array(z.tuple([z.int().positive(), integers])),
})

export type Snapshot = Readonly<z.output<typeof snapshot>>

export interface SnapshotOrigin {
  readonly policy: string
  readonly policyVersion: number
  readonly seed: number
}

export function takeSnapshot(decision: Decision, origin: SnapshotOrigin): Snapshot {
  const { view, child, k, old, chosen } = decision
  const slots = [...listed(view.members)]
  const peers = new Numbering(slots)
  const hosts = new Numbering(slots.map((slot) => view.peer.host[slot] ?? 0))
  const racks = new Set(hosts.slots.map((slot) => view.host.rack[slot] ?? 0))
  return {
    at: view.now,
    ...origin,
    k,
    child: peers.of(child) ?? 0,
    old: peers.all(old),
    chosen: peers.all(chosen),
    task: { ...view.task },
    peers: {
      ...columnsOf(peerColumns.shape, view.peer, peers.slots),
      host: peers.slots.map((slot) => hosts.of(view.peer.host[slot] ?? 0) ?? 0),
    },
    hosts: columnsOf(hostColumns.shape, view.host, hosts.slots),
    useful: peers.slots.map((slot) => view.usefulPieces(slot, child)),
    mayServe: peers.slots.map((slot) => Number(view.mayServe(slot, child))),
    holders: peers.all(listed(view.holders)),
    expecting: peers.all(listed(view.expecting)),
    seeds: peers.all(listed(view.seeds)),
    racks: [...racks]
      .filter((rack) => rack > 0)
      .map((rack): [number, number[]] => [rack, peers.all(listed(view.rackMembers(rack)))]),
  }
}

/** `undefined` for a line that is none of ours, or that does not fit together. */
export function readSnapshot(value: unknown): Snapshot | undefined {
  const { data } = snapshot.safeParse(value)
  if (data === undefined) return undefined
  const { peers, hosts, useful, mayServe } = data
  const size = peers.host.length
  const isWhole =
    [...Object.values(peers), useful, mayServe].every((column) => column.length === size) &&
    Object.values(hosts).every((column) => column.length === hosts.rack.length) &&
    peers.host.every((host) => host < hosts.rack.length) &&
    [data.child, ...data.old, ...data.holders, ...data.expecting, ...data.seeds].every(
      (peer) => peer < size,
    ) &&
    data.racks.every(([, members]) => members.every((peer) => peer < size))
  return isWhole ? data : undefined
}

/** What the policy saw. Only the child of the snapshot can be asked for. */
export function viewOf(taken: Snapshot): SwarmView {
  const { peers, hosts, useful, mayServe } = taken
  const racks = new Map(taken.racks.map(([rack, members]) => [rack, listOf(members)]))
  const nobody = listOf([])
  return {
    now: taken.at,
    task: taken.task,
    members: listOf(peers.host.map((_, peer) => peer)),
    holders: listOf(taken.holders),
    expecting: listOf(taken.expecting),
    seeds: listOf(taken.seeds),
    rackMembers: (rack) => racks.get(rack) ?? nobody,
    peer: {
      host: Uint32Array.from(peers.host),
      have: Uint32Array.from(peers.have),
      outDegree: Uint16Array.from(peers.outDegree),
      inDegree: Uint8Array.from(peers.inDegree),
      phase: Uint8Array.from(peers.phase),
    },
    host: {
      rack: Uint16Array.from(hosts.rack),
      idc: Uint8Array.from(hosts.idc),
      region: Uint8Array.from(hosts.region),
      upCapacity: Float32Array.from(hosts.upCapacity),
      upEstimate: Float32Array.from(hosts.upEstimate),
      upSamples: Uint16Array.from(hosts.upSamples),
      slots: Uint8Array.from(hosts.slots),
      activeUploads: Uint16Array.from(hosts.activeUploads),
      outDegree: Uint16Array.from(hosts.outDegree),
      failures: Float32Array.from(hosts.failures),
      slowness: Float32Array.from(hosts.slowness),
      isSeed: Uint8Array.from(hosts.isSeed),
    },
    usefulPieces: (parent) => useful[parent] ?? 0,
    rateOffers({ ids, from, end }, _child, out) {
      for (let i = from; i < end; i++) {
        const parent = ids[i] ?? 0
        if (peers.have[parent] === 0) out[i] = offer.nothing
        else out[i] = (useful[parent] ?? 0) > 0 ? offer.useful : offer.useless
      }
    },
    mayServe: (parent) => mayServe[parent] === 1,
    markServing({ ids, from, end }, _child, out) {
      for (let i = from; i < end; i++) out[i] = mayServe[ids[i] ?? 0] ?? 0
    },
  }
}

/** Slots of the scheduler's columns, numbered from 0. */
class Numbering {
  readonly slots: readonly number[]
  readonly #numbers: ReadonlyMap<number, number>

  constructor(slots: readonly number[]) {
    this.slots = [...new Set(slots)]
    this.#numbers = new Map(this.slots.map((slot, number) => [slot, number]))
  }

  of(slot: number): number | undefined {
    return this.#numbers.get(slot)
  }

  /** Without those that are not in it. */
  all(slots: Iterable<number>): number[] {
    return [...slots].map((slot) => this.of(slot)).filter((number) => number !== undefined)
  }
}

const listed = ({ ids, size }: PeerList): Uint32Array => ids.subarray(0, size)

const listOf = (ids: readonly number[]): PeerList => ({
  ids: Uint32Array.from(ids),
  size: ids.length,
})

/** The rows of these slots, by the names that `shape` has. */
function columnsOf<Name extends string>(
  shape: Readonly<Record<Name, unknown>>,
  columns: Readonly<Record<Name, { readonly [slot: number]: number }>>,
  slots: readonly number[],
): Record<Name, number[]> {
  const names = Object.keys(shape) as Name[]
  const entries = names.map((name) => [name, slots.map((slot) => columns[name][slot] ?? 0)])
  return Object.fromEntries(entries) as Record<Name, number[]>
}
