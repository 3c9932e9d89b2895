import {
  originSlot,
  type RefreshReason,
  type Slot,
  type SwarmAction,
  type SwarmMessage,
} from '@damselfly/daemon/swarm'
import { distances } from '../kernel/cabling.ts'
import { Slab } from '../kernel/slab.ts'
import { ORIGIN, type SwarmRun } from '../world/swarm-run.ts'
import { kinds } from './kinds.ts'
import type { Link, SwarmPeer, Transfer } from './swarm-peer.ts'

export interface TrafficEvents {
  /** A piece is here that was not, and the exchange knows it. */
  onPiece(peer: SwarmPeer, piece: number): void
  /** The exchange wants other neighbours; `dropped` are closed already. */
  onRefresh(peer: SwarmPeer, dropped: readonly SwarmPeer[], reason: RefreshReason): void
  /** The link broke from the other side. */
  onLost(peer: SwarmPeer, neighbour: SwarmPeer): void
  /** Some hosts do not reach others; asked first, as it is for every message. */
  readonly isParted: boolean
  /** False: nothing gets from one to the other now. */
  reaches(a: SwarmPeer, b: SwarmPeer): boolean
}

interface Envelope {
  readonly link: Link
  readonly message: SwarmMessage
}

interface Broadcast {
  readonly from: SwarmPeer
  readonly message: SwarmMessage
  /** Distances at which it has not been delivered. */
  left: number
}

/**
 * The network between exchanges: carries out their actions with the latency and the bandwidth that lie between the
 * hosts. What production does on connections, this does with events and flows.
 */
export class PieceTraffic {
  readonly #run: SwarmRun
  readonly #events: TrafficEvents
  readonly #hasPlaces: boolean
  readonly #envelopes = new Slab<Envelope>()
  readonly #broadcasts = new Slab<Broadcast>()
  readonly #closing = new Slab<Link>()
  readonly #transfers = new Slab<Transfer>()
  /** The transfer of each flow. */
  readonly #byFlow: number[] = []

  constructor(run: SwarmRun, events: TrafficEvents) {
    this.#run = run
    this.#events = events
    this.#hasPlaces = run.scenario.racks !== undefined
  }

  /** Opens a link after a round trip, unless there is one by then. */
  dial(child: SwarmPeer, parent: SwarmPeer): void {
    const { world } = this.#run
    if (child === parent || child.linkTo.has(parent.host)) return
    const roundTrip = 2 * world.cabling.latencyMs(child.host, parent.host)
    world.after(roundTrip, kinds.connect, child.host, parent.host)
  }

  connect(child: SwarmPeer, parent: SwarmPeer): void {
    const { world } = this.#run
    const isLate = child.linkTo.has(parent.host) || !this.#events.reaches(child, parent)
    if (isLate || child.exchange === undefined || parent.exchange === undefined) return
    const distance = world.cabling.distance(child.host, parent.host)
    const isNear = !this.#hasPlaces || distance === 0
    const meet = (peer: SwarmPeer, other: SwarmPeer): Slot | undefined =>
      peer.exchange?.addNeighbour({ isSeed: other.isSeed, isNear, grants: true }, world.now)
    const there = meet(parent, child)
    const here = there === undefined ? undefined : meet(child, parent)
    if (here === undefined || there === undefined) {
      if (there !== undefined) parent.exchange.removeNeighbour(there, world.now)
      this.perform(parent)
      return
    }
    const link = { isOpen: true, incoming: -1, distance }
    const mine = { ...link, owner: child, slot: here } as Link
    const theirs: Link = { ...link, owner: parent, slot: there, twin: mine }
    mine.twin = theirs
    for (const end of [mine, theirs]) {
      end.owner.links[end.slot] = end
      end.owner.linkTo.set(end.twin.owner.host, end)
    }
    this.perform(parent)
    this.perform(child)
  }

  /** Carries out what the exchange wants now. */
  perform(peer: SwarmPeer): void {
    const { exchange } = peer
    if (exchange === undefined) return
    for (let actions = exchange.takeActions(); actions.length > 0; ) {
      for (const action of actions) this.#act(peer, action)
      actions = exchange.takeActions()
    }
  }

  /** The owner closes its end; the other side hears of it later. */
  close(link: Link): void {
    if (!link.isOpen) return
    const { world } = this.#run
    this.#drop(link)
    world.after(this.#latency(link), kinds.close, this.#closing.put(link.twin))
  }

  /** The process behind these links is gone. */
  closeAll(peer: SwarmPeer): void {
    for (const link of [...peer.linkTo.values()]) this.close(link)
  }

  onEvent(kind: number, a: number): void {
    const { now } = this.#run.world
    if (kind === kinds.message) {
      const { link, message } = this.#envelopes.take(a)
      this.#deliver(link, message, now)
    } else if (kind === kinds.request) this.#requested(a)
    else if (kind === kinds.received) this.#received(a)
    else if (kind === kinds.cancel) {
      this.#stop(a)
      this.#release(a)
    } else if (kind === kinds.close) {
      const link = this.#closing.take(a)
      if (!link.isOpen) return
      const neighbour = link.twin.owner
      this.#drop(link)
      this.#events.onLost(link.owner, neighbour)
      this.perform(link.owner)
    }
  }

  /** What was told to all reaches those at this distance. */
  onBroadcast(index: number, distance: number): void {
    const broadcast = this.#broadcasts.get(index)
    const { now } = this.#run.world
    for (const link of broadcast.from.links) {
      if (link?.distance === distance) this.#deliver(link.twin, broadcast.message, now)
    }
    broadcast.left -= 1
    if (broadcast.left === 0) this.#broadcasts.take(index)
  }

  onFlowEnd(flow: number): void {
    const index = this.#byFlow[flow] as number
    this.#byFlow[flow] = -1
    const { world, scenario } = this.#run
    const transfer = this.#transfers.get(index)
    transfer.flow = -1
    const { link } = transfer
    this.#moved(transfer, scenario.pieceBytes)
    world.after(link === undefined ? 0 : this.#latency(link), kinds.received, index)
    if (link !== undefined) this.#uploadEnded(link, true)
  }

  /** A read from the origin. */
  readOrigin(peer: SwarmPeer, piece: number): void {
    const transfer = { link: undefined, to: peer, piece, flow: -1, isOver: false, uses: 1 }
    this.#start(this.#transfers.put(transfer), ORIGIN)
  }

  /** Tells the exchange how far its pieces are. */
  tellProgress(peer: SwarmPeer): void {
    const { world, scenario } = this.#run
    for (const link of peer.links) {
      if (link === undefined || link.incoming < 0) continue
      const { flow, piece } = this.#transfers.get(link.incoming)
      if (flow < 0) continue
      const bytes = scenario.pieceBytes - world.network.left(flow, world.now)
      peer.exchange?.progress(link.slot, piece, Math.floor(bytes), world.now)
    }
  }

  /** Holds or releases what moves between hosts that do not reach each other (any more). */
  holdFlows(): void {
    const { world } = this.#run
    for (const [flow, index] of this.#byFlow.entries()) {
      if (index === undefined || index < 0) continue
      const { link } = this.#transfers.get(index)
      if (link === undefined) continue
      world.network.hold(flow, !this.#events.reaches(link.owner, link.twin.owner), world.now)
    }
  }

  #latency(link: Link): number {
    return this.#run.world.cabling.latencyMs(link.owner.host, link.twin.owner.host)
  }

  #act(peer: SwarmPeer, action: SwarmAction): void {
    const { world } = this.#run
    switch (action.kind) {
      case 'send':
        this.#send(peer, action.to, action.message)
        break
      case 'request': {
        const link = peer.links[action.slot]
        if (link === undefined) break
        const about = { to: peer, piece: action.piece, flow: -1, isOver: false }
        // Used by the link and by the event.
        link.incoming = this.#transfers.put({ ...about, link, uses: 2 })
        world.after(this.#latency(link), kinds.request, link.incoming)
        break
      }
      case 'cancel': {
        const link = peer.links[action.slot]
        if (link === undefined || link.incoming < 0) break
        this.#transfers.get(link.incoming).isOver = true
        // The event uses it in place of the link.
        world.after(this.#latency(link), kinds.cancel, link.incoming)
        link.incoming = -1
        break
      }
      case 'refresh': {
        const links = action.drop.flatMap((slot) => peer.links[slot] ?? [])
        for (const link of links) this.close(link)
        const dropped = links.map(({ twin }) => twin.owner)
        this.#events.onRefresh(peer, dropped, action.reason)
        break
      }
      default:
        action satisfies never
    }
  }

  #send(peer: SwarmPeer, to: Slot | 'all' | 'near', message: SwarmMessage): void {
    const { world } = this.#run
    if (typeof to === 'number') {
      const link = peer.links[to]
      if (link === undefined) return
      const envelope = this.#envelopes.put({ link: link.twin, message })
      world.after(this.#latency(link), kinds.message, envelope)
      return
    }
    const reach = to === 'near' && this.#hasPlaces ? 1 : distances.length
    const broadcast = { from: peer, message, left: 0 }
    const index = this.#broadcasts.put(broadcast)
    for (let distance = 0; distance < reach; distance++) {
      if (!peer.links.some((link) => link?.distance === distance)) continue
      broadcast.left += 1
      world.after(world.cabling.latencyAt(distance), kinds.broadcast, index, distance)
    }
    if (broadcast.left === 0) this.#broadcasts.take(index)
  }

  #deliver(link: Link, message: SwarmMessage, now: number): void {
    const { owner } = link
    if (!link.isOpen || !this.#reaches(link)) return
    owner.exchange?.receive(link.slot, message, now)
    this.perform(owner)
  }

  /** The request has reached the one who holds the piece. */
  #requested(index: number): void {
    const { link, piece } = this.#transfers.get(index)
    const uploader = link?.twin
    if (link === undefined || uploader?.isOpen !== true || !this.#reaches(link)) {
      // Its sender waits until the link is closed there, too, or the piece stalls.
      this.#release(index)
      return
    }
    uploader.owner.exchange?.uploadStarted(uploader.slot, piece, this.#run.world.now)
    // The flow uses it in place of the event.
    this.#start(index, uploader.owner.host)
    this.perform(uploader.owner)
  }

  #start(index: number, from: number): void {
    const { world, scenario } = this.#run
    const transfer = this.#transfers.get(index)
    const path = world.cabling.path(from, transfer.to.host)
    transfer.flow = world.network.start(path, scenario.pieceBytes, world.now)
    this.#byFlow[transfer.flow] = index
  }

  #stop(index: number): void {
    const { world, scenario } = this.#run
    const transfer = this.#transfers.get(index)
    const { link, flow } = transfer
    if (flow < 0 || link === undefined) return
    transfer.flow = -1
    this.#byFlow[flow] = -1
    this.#moved(transfer, scenario.pieceBytes - world.network.stop(flow, world.now))
    this.#uploadEnded(link, false)
    this.#release(index)
  }

  #moved({ link, to }: Transfer, bytes: number): void {
    const from = link?.twin.owner
    this.#run.tally.moved(from?.host ?? ORIGIN, to.host, bytes)
    if (from !== undefined) from.sent += bytes
  }

  #uploadEnded({ twin: { owner, slot, isOpen } }: Link, isWhole: boolean): void {
    if (!isOpen) return
    owner.exchange?.uploadEnded(slot, this.#run.world.now, isWhole)
    this.perform(owner)
  }

  #received(index: number): void {
    const { link, to, piece, isOver } = this.#transfers.get(index)
    if (link === undefined) to.originReads -= 1
    if (link !== undefined && !isOver) {
      link.incoming = -1
      this.#release(index)
    }
    this.#release(index)
    if (isOver || !to.isAlive || to.isDown || to.exchange === undefined) return
    const isNew = !to.exchange.has(piece)
    to.exchange.pieceArrived(link?.slot ?? originSlot, piece, this.#run.world.now)
    if (isNew) this.#events.onPiece(to, piece)
    this.perform(to)
  }

  /** This end is closed: what it was receiving is given up, what it was sending stops. */
  #drop(link: Link): void {
    const { owner, slot, twin } = link
    link.isOpen = false
    owner.exchange?.removeNeighbour(slot, this.#run.world.now)
    this.perform(owner)
    if (link.incoming >= 0) {
      this.#transfers.get(link.incoming).isOver = true
      this.#release(link.incoming)
      link.incoming = -1
    }
    owner.links[slot] = undefined
    owner.linkTo.delete(twin.owner.host)
    if (twin.incoming >= 0) this.#stop(twin.incoming)
  }

  #reaches(link: Link): boolean {
    return !this.#events.isParted || this.#events.reaches(link.owner, link.twin.owner)
  }

  #release(index: number): void {
    const transfer = this.#transfers.get(index)
    transfer.uses -= 1
    if (transfer.uses === 0) this.#transfers.take(index)
  }
}
