import type { PeerId, TaskId } from '@damselfly/core'
import type { PeerEvent, PieceFinished, SchedulerEvent } from '../core/events.ts'
import type { HostFacts } from '../core/facts.ts'
import type { SchedulerCore } from '../core/scheduler-core.ts'
import type { ArmChooser } from '../core/swarm-arm.ts'
import type { PeerView } from '../core/views.ts'
import type { SwarmRecord } from './swarm-record.ts'
import { type SwarmMember, SwarmTally } from './swarm-tally.ts'

export interface SwarmWatchDeps {
  readonly core: Pick<SchedulerCore, 'statPeer'>
  readonly chooseArm: ArmChooser
  readonly onEnded: (record: SwarmRecord) => void
}

/** Swarms whose downloads are followed at a time; more take no part. */
const MAX_SWARMS = 10_000
/** Swarms that wait for their first download, such as those that were loaded ahead; the oldest are given up. */
const MAX_WAITING = 50_000
/** No download for so long: the swarm has ended. Who comes later finds a warm one, which would be another comparison. */
const SETTLED_MS = 10_000
/** A swarm whose last download says nothing for so long has ended, too. */
const SILENT_MS = 60 * 60_000

interface Swarm {
  readonly tally: SwarmTally
  /** Those of its peers that are in the watch. */
  readonly peers: Set<PeerId>
}

interface Watched {
  readonly swarm: Swarm
  readonly host: HostFacts
  readonly isDownload: boolean
}

/**
 * Follows the swarms of an experiment from outside: what the scheduler is told of them, after it has been applied. An event of
 * a swarm that takes no part costs one look into a map.
 */
export class SwarmWatch {
  readonly #deps: SwarmWatchDeps
  /** Before the first download. */
  readonly #waiting = new Map<TaskId, Swarm>()
  readonly #swarms = new Map<TaskId, Swarm>()
  readonly #peers = new Map<PeerId, Watched>()

  constructor(deps: SwarmWatchDeps) {
    this.#deps = deps
  }

  /** For the scheduler core: the arm of a newborn swarm, which is followed from now on. */
  readonly chooseArm: ArmChooser = (taskId, bornAt) => {
    this.#forget(taskId)
    const arm = this.#deps.chooseArm(taskId, bornAt)
    if (arm === undefined) return undefined
    const [oldest] = this.#waiting.keys()
    if (oldest !== undefined && this.#waiting.size >= MAX_WAITING) this.#forget(oldest)
    const tally = new SwarmTally({ arm: arm.name, taskId, bornAt })
    this.#waiting.set(taskId, { tally, peers: new Set() })
    return arm
  }

  /** `micros`: what applying the event took, when parents were chosen. */
  observe(event: SchedulerEvent, now: number, micros?: number): void {
    if (event.type === 'tick') {
      this.#endThoseThatSettled(now)
      return
    }
    if (!('peerId' in event)) return
    if (event.type === 'peerRegistered') this.#onRegistered(event.taskId, event.peerId, now)
    const watched = this.#peers.get(event.peerId)
    if (watched === undefined) return
    if (micros !== undefined) watched.swarm.tally.decided(micros)
    this.#onPeer(event, watched, now)
  }

  #onRegistered(taskId: TaskId, peerId: PeerId, now: number): void {
    const swarm = this.#swarms.get(taskId) ?? this.#waiting.get(taskId)
    const peer = swarm === undefined ? undefined : this.#deps.core.statPeer(peerId)
    if (swarm === undefined || peer === undefined) return
    const { host, task, facts } = peer
    const { tally } = swarm
    describe(tally, peer)
    const isDownload = host.type === 0 && facts.range === undefined && !facts.metadataOnly
    if (isDownload && !this.#follows(taskId, swarm)) return
    this.#peers.set(peerId, { swarm, host, isDownload })
    swarm.peers.add(peerId)
    if (host.type !== 0) tally.seedJoined(host.id, memberOf(host))
    if (isDownload) {
      tally.joined(peerId, memberOf(host), { now, isWarm: task.state === 'Succeeded' })
    }
  }

  /** False when there are too many with downloads already: then this one is given up. */
  #follows(taskId: TaskId, swarm: Swarm): boolean {
    if (this.#swarms.has(taskId)) return true
    if (this.#swarms.size >= MAX_SWARMS) {
      this.#forget(taskId)
      return false
    }
    this.#waiting.delete(taskId)
    this.#swarms.set(taskId, swarm)
    return true
  }

  #onPeer(event: PeerEvent, { swarm, host, isDownload }: Watched, now: number): void {
    const { tally } = swarm
    switch (event.type) {
      case 'peerReported':
        tally.received(event.bytes)
        break
      case 'pieceFinished':
        this.#onPiece(event, tally, host)
        break
      case 'peerFinished':
      case 'backToSourceFinished': {
        const peer = this.#deps.core.statPeer(event.peerId)
        if (peer !== undefined) describe(tally, peer)
        if (isDownload) tally.finished(event.peerId, now)
        break
      }
      case 'peerFailed':
      case 'backToSourceFailed':
        if (isDownload) tally.failed(event.peerId, now)
        break
      case 'streamClosed':
      case 'peerDeleted':
        if (isDownload) tally.failed(event.peerId, now)
        this.#peers.delete(event.peerId)
        swarm.peers.delete(event.peerId)
        break
      default:
    }
  }

  /** Dragonfly's peers tell of every piece. */
  #onPiece({ length, trafficType, parentId }: PieceFinished, tally: SwarmTally, host: HostFacts) {
    const none = { origin: 0, seed: 0, near: 0, far: 0 }
    if (trafficType === 'backToSource') {
      tally.received({ ...none, origin: length }, 0)
      return
    }
    const parent = parentId === undefined ? undefined : this.#deps.core.statPeer(parentId)?.host
    if (trafficType === 'localPeer' || parent === undefined) return
    const isNear = samePlace(parent.location, host.location)
    const kind = parent.type !== 0 ? 'seed' : isNear ? 'near' : 'far'
    tally.received({ ...none, [kind]: length }, crossing(length, parent.idc, host.idc))
  }

  #endThoseThatSettled(now: number): void {
    for (const [taskId, { tally }] of this.#swarms) {
      const limitMs = tally.active > 0 ? SILENT_MS : SETTLED_MS
      if (now - tally.lastAt < limitMs) continue
      const record = tally.record()
      if (record !== undefined) this.#deps.onEnded(record)
      this.#forget(taskId)
    }
  }

  #forget(taskId: TaskId): void {
    const swarm = this.#swarms.get(taskId) ?? this.#waiting.get(taskId)
    this.#swarms.delete(taskId)
    this.#waiting.delete(taskId)
    for (const peerId of swarm?.peers ?? []) this.#peers.delete(peerId)
  }
}

function describe(tally: SwarmTally, { task: { contentLength, pieceCount } }: PeerView): void {
  if (contentLength === undefined || pieceCount === undefined) return
  tally.describe({ contentLength, pieceCount })
}

const memberOf = ({ maxTxBandwidth, idc }: HostFacts): SwarmMember => ({
  uplink: maxTxBandwidth / 8,
  idc: idc ?? '',
})

/** Bytes of these that went from one data centre to another; `undefined` when one of them is not known. */
function crossing(bytes: number, from = '', to = ''): number | undefined {
  if (from === '' || to === '') return undefined
  return from === to ? 0 : bytes
}

/** Places that are not known count as the same. */
const samePlace = (a: string | undefined, b: string | undefined): boolean =>
  a === b || (a ?? '') === '' || (b ?? '') === ''
