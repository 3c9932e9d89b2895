import { asHostId, asPeerId, asTaskId, Bitset, seededRandom } from '@damselfly/core'
import { createPolicy } from '@damselfly/policy'
import type { SchedulerEffect } from './effects.ts'
import type { ParentsAsked, PeerReported, SchedulerEvent, SeedTriggerError } from './events.ts'
import type { DownloadFacts, HostFacts, PieceDigest, TaskFacts } from './facts.ts'
import type { PeerMessage } from './on-peer-message.ts'
import type { SchedulerCoreOptions } from './options.ts'
import { SchedulerCore } from './scheduler-core.ts'

export const MIB = 1024 * 1024
/** Ten pieces of 4 MiB. */
export const CONTENT_LENGTH = 40 * MIB
export const PIECE_LENGTH = 4 * MIB

/** Bytes of the pieces from `first` up to, not including, `end`. */
export const pieces = (first: number, end: number) => ({
  start: first * PIECE_LENGTH,
  length: (end - first) * PIECE_LENGTH,
})

/** A core with a clock of its own, spoken to in short sentences. For tests. */
export class CoreFixture {
  readonly core: SchedulerCore
  nowMs = 1_700_000_000_000

  constructor(options: Partial<SchedulerCoreOptions> = {}) {
    const deps = { policy: createPolicy('default'), random: seededRandom(7) }
    this.core = new SchedulerCore(options, deps)
  }

  apply(event: SchedulerEvent): string[] {
    return this.raw(event).map(say)
  }

  raw(event: SchedulerEvent): SchedulerEffect[] {
    return this.core.apply(event, this.nowMs)
  }

  host(id: string, facts: Partial<HostFacts> = {}): string[] {
    const host: HostFacts = {
      id: asHostId(id),
      type: 0,
      hostname: id,
      ip: '10.0.0.1',
      port: 4000,
      downloadPort: 4000,
      disableShared: false,
      maxTxBandwidth: 1e9,
      announceIntervalMs: 300_000,
      isOurs: true,
      ...facts,
    }
    return this.apply({ type: 'hostAnnounced', host })
  }

  hosts(...ids: string[]): void {
    for (const id of ids) this.host(id)
  }

  seed(id: string): string[] {
    return this.host(id, { type: 1 })
  }

  /** Registers `id` on the host named by its first part: `a/2` is a peer of host `a`. */
  register(id: string, download: Partial<DownloadFacts> = {}, taskId = 'task'): string[] {
    return this.apply({
      type: 'peerRegistered',
      hostId: asHostId(hostOf(id)),
      taskId: asTaskId(taskId),
      peerId: asPeerId(id),
      download: {
        url: 'http://origin/file',
        needBackToSource: false,
        metadataOnly: false,
        disableBackToSource: false,
        isPrefetch: false,
        priority: 0,
        contentLength: CONTENT_LENGTH,
        pieceLength: PIECE_LENGTH,
        concurrentPieceCount: 8,
        ...download,
      },
    })
  }

  say(type: SimpleMessage, peerId: string): string[] {
    return this.apply({ type, peerId: asPeerId(peerId) })
  }

  reschedule(peerId: string, ...parentIds: string[]): string[] {
    return this.apply({
      type: 'rescheduled',
      peerId: asPeerId(peerId),
      parentIds: parentIds.map(asPeerId),
    })
  }

  piece(peerId: string, number: number, from: 'origin' | 'local' | string = 'origin'): string[] {
    const source = from === 'origin'
    const isRemote = !source && from !== 'local'
    return this.apply({
      type: 'pieceFinished',
      peerId: asPeerId(peerId),
      number,
      offset: number * PIECE_LENGTH,
      length: PIECE_LENGTH,
      digest: 'crc32:1',
      trafficType: source ? 'backToSource' : isRemote ? 'remotePeer' : 'localPeer',
      parentId: isRemote ? asPeerId(from) : undefined,
      source,
    })
  }

  pieceFailed(peerId: string, parentId: string, temporary = true): string[] {
    return this.apply({
      type: 'pieceFailed',
      peerId: asPeerId(peerId),
      number: 0,
      parentId: asPeerId(parentId),
      temporary,
    })
  }

  /** 15 and 11, as a peer reports that the origin gave it nothing. */
  sourceFails(peerId: string, statusCode?: number): string[] {
    this.apply({ type: 'pieceSourceFailed', peerId: asPeerId(peerId), statusCode })
    return this.say('backToSourceFailed', peerId)
  }

  triggerEnded(triggerId: number, error?: Partial<SeedTriggerError>): string[] {
    const full = { message: 'gone', isUnreachable: false, statusCode: undefined, ...error }
    return this.apply({
      type: 'seedTriggerEnded',
      triggerId,
      ...(error === undefined ? {} : { error: full }),
    })
  }

  /** Lets time pass, with the driver's tick every second. */
  wait(ms: number): string[] {
    const said: string[] = []
    const end = this.nowMs + ms
    while (this.nowMs < end) {
      this.nowMs = Math.min(end, this.nowMs + 1000)
      said.push(...this.apply({ type: 'tick' }))
    }
    return said
  }

  asks(callId: number, stale?: TaskFacts): string[] {
    const taskId = asTaskId('task')
    return this.apply({
      type: 'resolveAsked',
      callId,
      taskId,
      ...(stale === undefined ? {} : { stale }),
    })
  }

  finds(callId: number, facts: TaskFacts): string[] {
    return this.apply({ type: 'resolveFound', callId, facts })
  }

  watches(callId: number, hostId = `h${callId}`): string[] {
    return this.apply({
      type: 'digestsWatched',
      callId,
      taskId: asTaskId('task'),
      hostId: asHostId(hostId),
    })
  }

  records(callId: number, fromOrigin: boolean, ...pieces: readonly PieceDigest[]): string[] {
    return this.apply({ type: 'digestsRecorded', callId, pieces, fromOrigin })
  }

  report(peerId: string, pieces: readonly number[], more: Partial<PeerReported> = {}): string[] {
    return this.apply({
      type: 'peerReported',
      peerId: asPeerId(peerId),
      pieces,
      rateBytesPerSec: 0,
      bytes: { origin: 0, seed: 0, near: 0, far: 0 },
      failedParents: [],
      slowParents: [],
      ...more,
    })
  }

  askParents(peerId: string, reason: ParentsAsked['reason'], ...dropped: string[]): string[] {
    return this.apply({
      type: 'parentsAsked',
      peerId: asPeerId(peerId),
      dropped: dropped.map(asPeerId),
      reason,
    })
  }

  /** The host of `peerId` tells that it holds pieces of the task. */
  holds(
    peerId: string,
    pieces: 'all' | readonly number[],
    { contentLength = CONTENT_LENGTH, etag }: { contentLength?: number; etag?: string } = {},
  ): string[] {
    const bits = new Bitset(Math.ceil(contentLength / PIECE_LENGTH))
    if (pieces !== 'all') for (const n of pieces) bits.set(n)
    const have = pieces === 'all' ? pieces : bits.toBytes()
    return this.apply({
      type: 'inventoryAnnounced',
      hostId: asHostId(hostOf(peerId)),
      tasks: [
        {
          taskId: asTaskId('task'),
          peerId: asPeerId(peerId),
          contentLength,
          pieceLength: PIECE_LENGTH,
          validators: etag === undefined ? {} : { etag },
          have,
        },
      ],
    })
  }

  /** `id` holds the whole task. */
  holder(id: string): void {
    this.register(id, { metadataOnly: true })
    this.say('peerStarted', id)
    this.say('peerFinished', id)
  }

  /** Registers a peer, which goes to the origin and reports so. */
  fetcher(id: string, download: Partial<DownloadFacts> = {}): string[] {
    return [...this.register(id, download), ...this.say('backToSourceStarted', id)]
  }
}

type SimpleMessage =
  | Extract<
      PeerMessage['type'],
      | 'peerStarted'
      | 'backToSourceStarted'
      | 'peerFinished'
      | 'backToSourceFinished'
      | 'peerFailed'
      | 'backToSourceFailed'
    >
  | 'streamClosed'
  | 'peerDeleted'

export const hostOf = (peerId: string): string => peerId.split('/')[0] ?? peerId

/** One effect in a few words, so that expectations read as a conversation. */
export function say(effect: SchedulerEffect): string {
  switch (effect.type) {
    case 'normal':
      return `${effect.peerId} <- ${[...effect.parents].sort().join(' ')}`
    case 'needBackToSource':
      return `${effect.peerId} to source`
    case 'empty':
      return `${effect.peerId} is empty`
    case 'metadataOnly':
      return `${effect.peerId} metadata`
    case 'endStream':
      return `${effect.peerId} ends ${effect.error?.code ?? 'ok'}`
    case 'triggerSeed': {
      const { range } = effect
      const what = range === undefined ? 'all' : `${range.start}+${range.length}`
      return `trigger ${effect.triggerId} ${effect.hostId} ${what}`
    }
    case 'cancelSeedTrigger':
      return `cancel ${effect.triggerId}`
    case 'resolveKnown':
      return `call ${effect.callId} knows ${effect.facts.contentLength}`
    case 'resolveElected':
      return `call ${effect.callId} elected`
    case 'resolveFailed':
      return `call ${effect.callId} fails ${effect.failure.statusCode}`
    case 'digestsLearned':
      return `${effect.isCorrection ? 'correction' : 'news'} for ${effect.callIds.join(' ')}`
    case 'digestsContradicted':
      return `${effect.hostId} contradicts ${effect.numbers.join(' ')}`
    case 'digestsEnded':
      return `call ${effect.callId} ends ${effect.error.code}`
    default:
      return effect satisfies never
  }
}
