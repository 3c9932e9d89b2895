import {
  type DragonflyBooks,
  offer,
  type PeerList,
  type Places,
  peerPhase,
  type SwarmView,
  type TaskTraits,
} from './swarm-view.ts'

/** One member on a host of its own. Absent = nothing, unknown, or what is said here. */
export interface MemberTraits {
  readonly rack?: number
  readonly idc?: number
  readonly region?: number
  /** Bytes/s. Default 1e8; 0 = not declared. */
  readonly upCapacity?: number
  readonly upEstimate?: number
  readonly upSamples?: number
  readonly outDegree?: number
  /** Default 1. */
  readonly inDegree?: number
  readonly failures?: number
  readonly slowness?: number
  readonly isSeed?: boolean
  /** It holds so many pieces from the first on. Default: all. */
  readonly have?: number
  /** Default: finished with all pieces, else running. */
  readonly phase?: number
  /** Another member that is on the same host. */
  readonly sameHostAs?: number
  /** May serve nobody. */
  readonly isBlocked?: boolean
}

export interface ListSwarmOptions {
  /** Most members. */
  readonly capacity: number
  /** Default 256 pieces of 4 MiB. */
  readonly pieceCount?: number
  readonly pieceLength?: number
  readonly books?: DragonflyBooks
}

/** A swarm that is written down member by member, for tests, benchmarks and simulations of decisions. */
export class ListSwarm implements SwarmView {
  readonly now = 0
  readonly task: TaskTraits & { meanUplink: number }
  readonly books?: DragonflyBooks
  readonly members: GrowingList
  readonly holders: GrowingList
  readonly expecting: GrowingList
  readonly seeds: GrowingList
  readonly peer
  readonly host
  readonly #racks = new Map<number, GrowingList>()
  readonly #blocked: Uint8Array
  readonly #pieces: Uint32Array
  readonly #words: number
  #uplinks = 0
  #uplinkCount = 0

  constructor({ capacity, pieceCount = 256, pieceLength = 4 << 20, books }: ListSwarmOptions) {
    const contentLength = pieceCount * pieceLength
    this.task = { pieceCount, pieceLength, contentLength, ageMs: 0, priority: 0, meanUplink: 0 }
    if (books !== undefined) this.books = books
    this.members = new GrowingList(capacity)
    this.holders = new GrowingList(capacity)
    this.expecting = new GrowingList(capacity)
    this.seeds = new GrowingList(capacity)
    this.peer = peerColumns(capacity)
    this.host = hostColumns(capacity)
    this.#blocked = new Uint8Array(capacity)
    this.#words = Math.ceil(pieceCount / 32)
    this.#pieces = new Uint32Array(capacity * this.#words)
  }

  /** The slot of the new member, which is also the slot of its host unless that is another's. */
  add(traits: MemberTraits = {}): number {
    const id = this.members.size
    const host = traits.sameHostAs ?? id
    const { pieceCount } = this.task
    const { have = pieceCount, inDegree = 1, outDegree = 0, isSeed = false } = traits
    this.peer.host[id] = host
    this.peer.have[id] = have
    this.peer.inDegree[id] = inDegree
    this.peer.outDegree[id] = outDegree
    const usual = have === pieceCount ? peerPhase.finished : peerPhase.running
    this.peer.phase[id] = traits.phase ?? usual
    this.#blocked[id] = Number(traits.isBlocked ?? false)
    for (let piece = 0; piece < have; piece++) this.#hold(id, piece)
    if (host === id) this.#describeHost(id, traits)
    this.members.push(id)
    if (have > 0) this.holders.push(id)
    else if (inDegree > 0) this.expecting.push(id)
    if (have === 0 && inDegree === 0) return id
    if (isSeed) this.seeds.push(id)
    this.#rack(this.host.rack[host] ?? 0).push(id)
    return id
  }

  rackMembers(rack: number): PeerList {
    return rack === 0 ? nobody : (this.#racks.get(rack) ?? nobody)
  }

  usefulPieces(parent: number, child: number): number {
    const words = this.#words
    let count = 0
    for (let i = 0; i < words; i++) {
      const held = this.#pieces[parent * words + i] as number
      count += bitCount(held & ~(this.#pieces[child * words + i] as number))
    }
    return count
  }

  rateOffers({ ids, from, end }: Places, child: number, out: Uint8Array): void {
    for (let i = from; i < end; i++) {
      const parent = ids[i] as number
      const isUseful = this.usefulPieces(parent, child) > 0
      if (this.peer.have[parent] === 0) out[i] = offer.nothing
      else out[i] = isUseful ? offer.useful : offer.useless
    }
  }

  mayServe(parent: number, child: number): boolean {
    if (this.#blocked[parent] !== 0 || this.peer.phase[parent] === peerPhase.gone) return false
    return this.peer.host[parent] !== this.peer.host[child]
  }

  markServing({ ids, from, end }: Places, child: number, out: Uint8Array): void {
    for (let i = from; i < end; i++) out[i] = Number(this.mayServe(ids[i] as number, child))
  }

  #hold(id: number, piece: number): void {
    const word = id * this.#words + (piece >>> 5)
    this.#pieces[word] = (this.#pieces[word] as number) | (1 << (piece & 31))
  }

  #describeHost(id: number, traits: MemberTraits): void {
    const { host } = this
    host.rack[id] = traits.rack ?? 0
    host.idc[id] = traits.idc ?? 0
    host.region[id] = traits.region ?? 0
    host.upCapacity[id] = traits.upCapacity ?? 1e8
    host.upEstimate[id] = traits.upEstimate ?? 0
    host.upSamples[id] = traits.upSamples ?? 0
    host.outDegree[id] = traits.outDegree ?? 0
    host.failures[id] = traits.failures ?? 0
    host.slowness[id] = traits.slowness ?? 0
    host.isSeed[id] = Number(traits.isSeed ?? false)
    if (host.upCapacity[id] === 0) return
    this.#uplinks += host.upCapacity[id] as number
    this.#uplinkCount += 1
    this.task.meanUplink = this.#uplinks / this.#uplinkCount
  }

  #rack(rack: number): GrowingList {
    const list = this.#racks.get(rack) ?? new GrowingList(16)
    this.#racks.set(rack, list)
    return list
  }
}

class GrowingList implements PeerList {
  ids: Uint32Array
  size = 0

  constructor(capacity: number) {
    this.ids = new Uint32Array(capacity)
  }

  push(id: number): void {
    if (this.size === this.ids.length) {
      const larger = new Uint32Array(2 * this.size + 1)
      larger.set(this.ids)
      this.ids = larger
    }
    this.ids[this.size] = id
    this.size += 1
  }
}

const nobody: PeerList = { ids: new Uint32Array(0), size: 0 }

const peerColumns = (capacity: number) => ({
  host: new Uint32Array(capacity),
  have: new Uint32Array(capacity),
  outDegree: new Uint16Array(capacity),
  inDegree: new Uint8Array(capacity),
  phase: new Uint8Array(capacity),
})

const hostColumns = (capacity: number) => ({
  rack: new Uint16Array(capacity),
  idc: new Uint8Array(capacity),
  region: new Uint8Array(capacity),
  upCapacity: new Float32Array(capacity),
  upEstimate: new Float32Array(capacity),
  upSamples: new Uint16Array(capacity),
  slots: new Uint8Array(capacity).fill(3),
  activeUploads: new Uint16Array(capacity),
  outDegree: new Uint16Array(capacity),
  failures: new Float32Array(capacity),
  slowness: new Float32Array(capacity),
  isSeed: new Uint8Array(capacity),
})

/** Sums neighbouring bits, pairs, nibbles and bytes. */
function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x5555_5555)
  bits = (bits & 0x3333_3333) + ((bits >>> 2) & 0x3333_3333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}
