import { DfError, type HostId, type PeerId, type TaskId } from '@damselfly/core'
import { MAX_PEERS } from './columns/peer-table.ts'
import {
  type CoreCounters,
  type CoreState,
  createCoreState,
  type SchedulerCoreDeps,
} from './core-state.ts'
import { dropDigests, onDigests } from './digests.ts'
import { dumpSwarm, listSwarms } from './dump-swarm.ts'
import type { SchedulerEffect } from './effects.ts'
import type { PeerEvent, SchedulerEvent, SeedTriggerError, TaskEvent } from './events.ts'
import type { HostFacts, PieceDigest } from './facts.ts'
import { onInventory } from './inventory.ts'
import { failLease } from './leases.ts'
import { onPeerMessage, onStreamClosed } from './on-peer-message.ts'
import { onRegister } from './on-register.ts'
import { onTick } from './on-tick.ts'
import { defaultCoreOptions, type SchedulerCoreOptions } from './options.ts'
import { createResolutions, forgetFacts, onResolve } from './resolve.ts'
import { settle } from './serve.ts'
import { peersOnHost } from './swarm.ts'
import { removeHost, removePeer, upsertHost } from './tables.ts'
import { type PeerView, type TaskView, viewPeer, viewTask } from './views.ts'

/**
 * The scheduler without any I/O: an event and the time go in, effects come out, all state changes happen inside
 * one synchronous `apply`. The gRPC server and the simulator are two drivers of it.
 *
 * How it decides. A task is a swarm of peers, each wanting an interval of pieces. The right to go to the origin is
 * a lease: as long as a lease covers a piece, nobody else is sent there for it, so the origin gives each byte about
 * once. Seeds are asked first; without one, a single peer goes. Everybody else waits, and is pushed a list of
 * parents as soon as one exists through which all its pieces can come. When a lease ends early, those who wait for
 * it are looked at again within the same event, so that exactly one successor is found.
 */
export class SchedulerCore {
  readonly #state: CoreState
  readonly #resolutions = createResolutions()

  constructor(options: Partial<SchedulerCoreOptions>, deps: SchedulerCoreDeps) {
    const all = { ...defaultCoreOptions, ...options }
    const maxPeers = Math.min(all.maxPeers, MAX_PEERS)
    this.#state = createCoreState({ ...all, maxPeers }, deps)
  }

  apply(event: SchedulerEvent, nowMs: number): SchedulerEffect[] {
    const state = this.#state
    state.now = nowMs
    state.startedAt ??= nowMs
    state.effects = []
    state.waitedMs.length = 0
    this.#dispatch(event)
    settle(state)
    return state.effects
  }

  /** There is more to do than one event was allowed to: the next should come soon. */
  get hasBacklog(): boolean {
    return this.#state.dirty.size > 0
  }

  /** Somebody has the task here, or asks for it. */
  knows(id: TaskId): boolean {
    const { tasks } = this.#state
    return (tasks.get(id)?.members.size ?? 0) > 0 || this.#resolutions.byTask.has(id)
  }

  statTask(id: TaskId): TaskView | undefined {
    const task = this.#state.tasks.get(id)
    return task === undefined ? undefined : viewTask(task)
  }

  statPeer(id: PeerId): PeerView | undefined {
    const peer = this.#state.peers.get(id)
    return peer === undefined ? undefined : viewPeer(peer)
  }

  /** Of peers of one task; those that are not known are left out. */
  statPeers(ids: readonly PeerId[]): PeerView[] {
    const peers = ids.map((id) => this.#state.peers.get(id)).filter((peer) => peer !== undefined)
    const [first] = peers
    if (first === undefined) return []
    const task = viewTask(first.task)
    return peers.map((peer) => viewPeer(peer, task))
  }

  /** The peer is one of our own daemons'. */
  isOurs(id: PeerId): boolean {
    return this.#state.peers.get(id)?.host.facts.isOurs === true
  }

  /** The host that the peer is on. */
  hostOf(id: PeerId): HostId | undefined {
    return this.#state.peers.get(id)?.host.facts.id
  }

  isPeerOf(id: PeerId, hostId: HostId): boolean {
    return this.hostOf(id) === hostId
  }

  host(id: HostId): HostFacts | undefined {
    return this.#state.hosts.get(id)?.facts
  }

  listHosts(): HostFacts[] {
    return [...this.#state.hosts.values()].map(({ facts }) => facts)
  }

  /** The largest swarms, as plain data. */
  listSwarms(max: number) {
    return listSwarms(this.#state, max)
  }

  /** Everything about one swarm, with so many of its peers, as plain data. */
  dumpSwarm(id: TaskId, maxPeers: number) {
    const task = this.#state.tasks.get(id)
    return task === undefined ? undefined : dumpSwarm(this.#state, task, maxPeers)
  }

  digest(taskId: TaskId, number: number): PieceDigest | undefined {
    return this.#state.digests.byTask.get(taskId)?.table.get(number)
  }

  /**
   * Reads on where `cursor` is, 0 at first: up to `max` digests as they became known, without those that the stream `except`
   * established. A cursor is good for one stream, from its watch to its end.
   */
  digestsFrom(
    taskId: TaskId,
    cursor: number,
    options: { except: number; max: number },
  ): { pieces: readonly PieceDigest[]; cursor: number } {
    const table = this.#state.digests.byTask.get(taskId)?.table
    return table?.readFrom(cursor, options) ?? { pieces: [], cursor }
  }

  get counters(): Readonly<CoreCounters> {
    return this.#state.counters
  }

  /** For tests and diagnosis: the live tables. Never changed from outside. */
  get state(): Readonly<CoreState> {
    return this.#state
  }

  #dispatch(event: SchedulerEvent): void {
    const state = this.#state
    switch (event.type) {
      case 'continued':
        break
      case 'tick':
        onTick(state, this.#resolutions)
        break
      case 'inventoryAnnounced':
        onInventory(state, event)
        break
      case 'hostAnnounced':
        upsertHost(state, event.host)
        break
      case 'hostDeleted': {
        const host = state.hosts.get(event.hostId)
        if (host !== undefined) removeHost(state, host)
        break
      }
      case 'taskDeleted':
      case 'seedTriggerEnded':
        this.#onTask(event)
        break
      case 'resolveAsked':
      case 'resolveFound':
      case 'resolveFailed':
      case 'resolveClosed':
        onResolve(state, this.#resolutions, event)
        break
      case 'digestsWatched':
      case 'digestsRecorded':
      case 'digestsClosed':
        onDigests(state, event)
        break
      default:
        this.#onPeer(event)
    }
  }

  #onTask(event: TaskEvent): void {
    const state = this.#state
    if (event.type === 'seedTriggerEnded') {
      this.#onTriggerEnded(event.triggerId, event.error)
      return
    }
    const host = state.hosts.get(event.hostId)
    const task = state.tasks.get(event.taskId)
    if (host === undefined || task === undefined) return
    const reason = new DfError('TaskNotFound', `The host deleted the task ${task.id}.`)
    for (const peer of peersOnHost({ host, task })) removePeer(state, peer, reason)
    if (task.members.size > 0) return
    forgetFacts(this.#resolutions, task.id)
    dropDigests(state, task.id, reason)
  }

  /** Once the seed's peer holds the lease, its own stream tells how it goes; the call counts when it failed. */
  #onTriggerEnded(triggerId: number, error: SeedTriggerError | undefined): void {
    const state = this.#state
    const lease = state.triggers.get(triggerId)
    if (lease === undefined) return
    if (error === undefined && lease.peer !== undefined) {
      state.triggers.delete(triggerId)
      return
    }
    if (error?.isUnreachable === true) {
      lease.host.seedFailedUntil = state.now + state.options.seedRetryMs
    }
    failLease(state, lease, lease.peer?.sourceStatus ?? error?.statusCode)
  }

  #onPeer(event: PeerEvent): void {
    const state = this.#state
    if (event.type === 'peerRegistered') {
      onRegister(state, event, this.#resolutions)
      return
    }
    const peer = state.peers.get(event.peerId)
    if (event.type === 'streamClosed') {
      if (peer !== undefined) onStreamClosed(state, peer)
    } else if (event.type === 'peerDeleted') {
      const reason = new DfError('PeerNotFound', `The peer ${event.peerId} was deleted.`)
      if (peer !== undefined) removePeer(state, peer, reason)
    } else if (peer?.isStreamOpen === true) {
      onPeerMessage(state, peer, event)
    } else {
      state.counters.strayMessages += 1
    }
  }
}
