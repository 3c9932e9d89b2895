import { swarmBound } from '@damselfly/policy'
import type { BytesByClass, SwarmRecord } from './swarm-record.ts'

/** A host of the swarm, as far as the sum depends on it. */
export interface SwarmMember {
  /** Declared, bytes per second; 0 = not declared. */
  readonly uplink: number
  readonly idc: string
}

export interface SwarmBirth {
  readonly arm: string
  readonly taskId: string
  /** Milliseconds since the Unix epoch. */
  readonly bornAt: number
}

export interface SwarmContent {
  readonly contentLength: number
  readonly pieceCount: number
}

interface Download extends SwarmMember {
  readonly startedAt: number
}

/** Choices that are remembered for their 99th percentile. */
const MAX_DECISIONS = 1_024

/** Follows one swarm from its first download to the moment in which none is left, and sums it up. */
export class SwarmTally {
  readonly birth: SwarmBirth
  readonly #active = new Map<string, Download>()
  readonly #seconds: number[] = []
  readonly #idcs = new Set<string>()
  readonly #bytes = { origin: 0, seed: 0, near: 0, far: 0 }
  readonly #decisionUs: number[] = []
  #content: SwarmContent | undefined
  #isWarm: boolean | undefined
  #hasReports = false
  /** NaN when it is not known of some. */
  #crossIdcBytes = 0
  #failed = 0
  #peers = 0
  #uplinks = { sum: 0, known: 0 }
  #seedUplinks = new Map<string, number>()
  #lastAt: number

  constructor(birth: SwarmBirth) {
    this.birth = birth
    this.#lastAt = birth.bornAt
  }

  /** Downloads under way, seeds not counted. */
  get active(): number {
    return this.#active.size
  }

  /** When a download last began or ended. */
  get lastAt(): number {
    return this.#lastAt
  }

  /** As soon as it is known. */
  describe(content: SwarmContent): void {
    this.#content ??= content
  }

  /** A seed takes part; `hostId` tells it from others. */
  seedJoined(hostId: string, { uplink, idc }: SwarmMember): void {
    this.#seedUplinks.set(hostId, uplink)
    this.#idcs.add(idc)
  }

  /** A download of the whole content begins, or begins again. `isWarm`: somebody holds all of it now. */
  joined(peerId: string, member: SwarmMember, { now, isWarm }: { now: number; isWarm: boolean }) {
    if (this.#active.has(peerId)) return
    this.#isWarm ??= isWarm
    this.#active.set(peerId, { ...member, startedAt: now })
    this.#peers += 1
    this.#lastAt = now
    this.#idcs.add(member.idc)
    if (member.uplink > 0) {
      this.#uplinks.sum += member.uplink
      this.#uplinks.known += 1
    }
  }

  finished(peerId: string, now: number): void {
    const download = this.#active.get(peerId)
    if (download === undefined) return
    this.#seconds.push((now - download.startedAt) / 1_000)
    this.#ended(peerId, now)
  }

  /** It failed, or left before its end. */
  failed(peerId: string, now: number): void {
    if (!this.#active.has(peerId)) return
    this.#failed += 1
    this.#ended(peerId, now)
  }

  /** `crossIdc`: bytes of these that came from another data centre; absent = not known. */
  received({ origin, seed, near, far }: BytesByClass, crossIdc?: number): void {
    this.#hasReports = true
    this.#crossIdcBytes += crossIdc ?? Number.NaN
    this.#bytes.origin += origin
    this.#bytes.seed += seed
    this.#bytes.near += near
    this.#bytes.far += far
  }

  /** Choosing parents took so many microseconds. */
  decided(micros: number): void {
    if (this.#decisionUs.length < MAX_DECISIONS) this.#decisionUs.push(micros)
  }

  /** `undefined` when there is nothing to compare: nobody finished, or neither length nor any uplink is known. */
  record(): SwarmRecord | undefined {
    const content = this.#content
    if (content === undefined || this.#seconds.length === 0) return undefined
    const boundSeconds = this.#bound(content)
    if (boundSeconds === undefined) return undefined
    const seconds = this.#seconds.toSorted((a, b) => a - b)
    const decisionP99Us = quantile(
      this.#decisionUs.toSorted((a, b) => a - b),
      0.99,
    )
    return {
      ...this.birth,
      endedAt: this.#lastAt,
      peers: this.#peers,
      // Whoever has not come to an end by now is as good as failed.
      failedPeers: this.#failed + this.#active.size,
      ...content,
      isWarm: this.#isWarm === true,
      idc: this.#idc(),
      boundSeconds,
      meanSeconds: seconds.reduce((sum, each) => sum + each, 0) / seconds.length,
      p99Seconds: quantile(seconds, 0.99) ?? 0,
      ...this.#traffic(),
      ...(decisionP99Us === undefined ? {} : { decisionP99Us }),
    }
  }

  #idc(): string {
    return this.#idcs.size > 1 ? '*' : ([...this.#idcs][0] ?? '')
  }

  #traffic(): Pick<SwarmRecord, 'bytes' | 'crossIdcBytes'> {
    if (!this.#hasReports) return {}
    const bytes = { ...this.#bytes }
    const idc = this.#idc()
    const crossIdcBytes = idc === '' || idc === '*' ? this.#crossIdcBytes : 0
    return Number.isNaN(crossIdcBytes) ? { bytes } : { bytes, crossIdcBytes }
  }

  #ended(peerId: string, now: number): void {
    this.#active.delete(peerId)
    this.#lastAt = now
  }

  /**
   * From what hosts declared; who declared nothing counts as the mean of the others. Without a seed the first peer is the
   * one who holds the content first.
   */
  #bound({ contentLength }: SwarmContent): number | undefined {
    const { sum, known } = this.#uplinks
    if (known === 0) return undefined
    const mean = sum / known
    const seeds = [...this.#seedUplinks.values()].map((uplink) => (uplink > 0 ? uplink : mean))
    const isSeeded = seeds.length > 0
    return swarmBound({
      contentLength,
      peerCount: this.#peers,
      seedUplink: isSeeded ? seeds.reduce((all, each) => all + each, 0) : mean,
      peerUplink: mean * (isSeeded ? this.#peers : this.#peers - 1),
    })
  }
}

/** Of ascending values: the smallest one that a share of `q` of them does not exceed. */
function quantile(ascending: readonly number[], q: number): number | undefined {
  return ascending[Math.max(0, Math.ceil(q * ascending.length) - 1)]
}
