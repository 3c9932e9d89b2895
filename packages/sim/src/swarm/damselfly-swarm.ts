import { Bitset, type PeerId } from '@damselfly/core'
import {
  type ClientParams,
  defaultClientParams,
  Exchange,
  originSlot,
  type RefreshReason,
} from '@damselfly/daemon/swarm'
import type { SchedulerEffect } from '@damselfly/scheduler'
import type { WorldHandler } from '../kernel/virtual-world.ts'
import { contentBytes, type Fault } from '../scenarios/scenario.ts'
import type { SwarmRun } from '../world/swarm-run.ts'
import { Faults, type Faulty } from './faults.ts'
import { kinds } from './kinds.ts'
import { PieceTraffic, type TrafficEvents } from './piece-traffic.ts'
import { hostOf, peerIdOf, SchedulerSide } from './scheduler-side.ts'
import type { SwarmPeer } from './swarm-peer.ts'

const TICK_MS = 100
const REPORT_MS = 1000
/** So long after a partition the ends of a connection across it give it up. */
const NOTICE_MS = 2000
/** Everybody who has to speak to a new scheduler does so within this time. */
const REANNOUNCE_MS = 2000
/** Pieces that are read from the origin at a time. */
const ORIGIN_READS = 2

export interface SwarmOptions {
  readonly policy: string
  /** What clients do other than what the scheduler says. */
  readonly client?: Partial<ClientParams>
}

/**
 * Our own swarm: the production scheduler core, policy and exchange engine, one exchange for each host, in virtual time. In
 * place of connections and gRPC stands `PieceTraffic` and `SchedulerSide`; what a daemon does around the exchange (register,
 * report, read from the origin) is done here in the same order as there.
 */
export class DamselflySwarm implements WorldHandler, TrafficEvents, Faulty {
  readonly #run: SwarmRun
  readonly #options: SwarmOptions
  readonly #scheduler: SchedulerSide
  readonly #traffic: PieceTraffic
  readonly #peers: SwarmPeer[]
  readonly #faults: Faults
  isParted = false

  constructor(run: SwarmRun, options: SwarmOptions) {
    this.#run = run
    this.#options = options
    this.#scheduler = new SchedulerSide(run, options.policy)
    this.#traffic = new PieceTraffic(run, this)
    this.#peers = run.population.hosts.map(({ kind }, host) => newPeer(host, kind === 'seed'))
    const faults = run.scenario.faults ?? []
    this.#faults = new Faults(faults, this, run.random)
    this.#plan(faults)
    for (const [host, spec] of run.population.hosts.entries()) {
      if (spec.kind === 'origin') continue
      const peer = this.#peer(host)
      this.#scheduler.announceHost(peer)
      if (spec.kind === 'peer') run.world.queue.push(spec.arrivesMs, kinds.arrive, host)
      else if (run.scenario.origin === undefined) this.#warm(peer)
      if (spec.diesMs < Number.POSITIVE_INFINITY) {
        run.world.queue.push(spec.diesMs, kinds.die, host)
      }
    }
  }

  #plan(faults: readonly Fault[]): void {
    const { boundMs } = this.#run.population
    for (const [index, fault] of faults.entries()) {
      this.#run.world.queue.push(fault.at * boundMs, kinds.faultBegins, index)
      if ('until' in fault) {
        this.#run.world.queue.push(fault.until * boundMs, kinds.faultEnds, index)
      }
    }
  }

  get isOver(): boolean {
    return this.#run.tally.open === 0
  }

  get decisions(): number {
    return this.#scheduler.decisions
  }

  /** Bytes that came in vain, over all hosts. */
  get wastedBytes(): number {
    return this.#peers.reduce((sum, { exchange }) => sum + (exchange?.wastedBytes ?? 0), 0)
  }

  onEvent(kind: number, a: number, b: number): void {
    switch (kind) {
      case kinds.broadcast:
        this.#traffic.onBroadcast(a, b)
        break
      case kinds.tick:
        this.#tick(this.#peer(a))
        break
      case kinds.report:
        this.#reportRegularly(this.#peer(a))
        break
      case kinds.toScheduler:
        this.#scheduler.onEvent(a)
        break
      case kinds.fromScheduler:
        this.#onEffect(this.#scheduler.effect(a))
        break
      case kinds.schedulerTick:
        this.#scheduler.onTick()
        break
      case kinds.connect:
        this.#traffic.connect(this.#peer(a), this.#peer(b))
        break
      case kinds.faultBegins:
        this.#faults.begin(a)
        break
      case kinds.faultEnds:
        this.#faults.end(a)
        break
      case kinds.reannounce:
        this.#reannounce(this.#peer(a))
        break
      case kinds.noticeCut:
        this.#noticeCut(this.#peer(a))
        break
      case kinds.arrive:
        this.#arrive(this.#peer(a))
        break
      case kinds.seedStart:
        this.#seedStarts(this.#peer(a))
        break
      case kinds.die:
        this.#die(this.#peer(a))
        break
      default:
        this.#traffic.onEvent(kind, a)
    }
  }

  onFlowEnd(flow: number): void {
    this.#traffic.onFlowEnd(flow)
  }

  onPiece(peer: SwarmPeer, piece: number): void {
    const { exchange } = peer
    if (exchange === undefined) return
    const { world, tally, scenario } = this.#run
    peer.news.push(piece)
    tally.gotPiece(peer.host, world.now, exchange.held, (other) => exchange.has(other))
    this.#readOrigin(peer)
    if (exchange.isDone) this.#finish(peer)
    else if (exchange.held === 1 || exchange.held === scenario.pieceCount >> 1) this.#report(peer)
  }

  onRefresh(peer: SwarmPeer, dropped: readonly SwarmPeer[], reason: RefreshReason): void {
    if (!peer.isRegistered) return
    this.#scheduler.tell({
      type: 'parentsAsked',
      peerId: peer.peerId,
      dropped: dropped.map(({ peerId }) => peerId),
      reason,
    })
  }

  onLost(peer: SwarmPeer, neighbour: SwarmPeer): void {
    if (!neighbour.isAlive) peer.failed.push(neighbour.peerId)
  }

  reaches(a: SwarmPeer, b: SwarmPeer): boolean {
    return a.isAlive && b.isAlive && !a.isDown && !b.isDown && a.isCut === b.isCut
  }

  get victims(): readonly SwarmPeer[] {
    const isPeer = ({ host }: SwarmPeer) => this.#run.population.hosts[host]?.kind === 'peer'
    return this.#peers.filter((peer) => isPeer(peer) && peer.isAlive)
  }

  get seeds(): readonly SwarmPeer[] {
    return this.#peers.filter(({ isSeed, isAlive }) => isSeed && isAlive)
  }

  setSchedulerUp(isUp: boolean): void {
    this.#scheduler.setUp(isUp)
    if (!isUp) return
    for (const peer of this.#peers) if (peer.exchange !== undefined) this.#reannounceSoon(peer)
  }

  setUp(peer: SwarmPeer, isUp: boolean): void {
    if (!peer.isAlive) return
    peer.isDown = !isUp
    if (isUp) {
      this.#restart(peer)
      return
    }
    this.#traffic.closeAll(peer)
    this.#streamBreaks(peer)
  }

  setCut(peers: readonly SwarmPeer[], isCut: boolean): void {
    for (const peer of peers) peer.isCut = isCut
    this.isParted = this.#peers.some((peer) => peer.isCut)
    this.#traffic.holdFlows()
    for (const peer of peers) {
      if (isCut) this.#run.world.after(NOTICE_MS, kinds.noticeCut, peer.host)
      else this.#reannounceSoon(peer)
    }
  }

  kill(peer: SwarmPeer): void {
    this.#die(peer)
  }

  #peer(host: number): SwarmPeer {
    return this.#peers[host] as SwarmPeer
  }

  #warm(seed: SwarmPeer): void {
    const exchange = this.#begin(seed)
    for (let piece = 0; piece < this.#run.scenario.pieceCount; piece++) {
      exchange.pieceArrived(originSlot, piece, 0)
    }
    seed.news = []
    this.#scheduler.announceInventory(seed, 'all')
  }

  #begin(peer: SwarmPeer): Exchange {
    const exchange = this.#newExchange(peer)
    peer.exchange = exchange
    this.#run.world.after(TICK_MS * (1 + (peer.host % 16) / 16), kinds.tick, peer.host)
    return exchange
  }

  #newExchange(peer: SwarmPeer): Exchange {
    const { scenario, population, random } = this.#run
    const exchange = new Exchange({
      pieceCount: scenario.pieceCount,
      pieceLength: scenario.pieceBytes,
      contentLength: contentBytes(scenario),
      params: { ...defaultClientParams(scenario.pieceCount), ...this.#options.client },
      isSeed: peer.isSeed,
      random,
    })
    const spec = population.hosts[peer.host]
    exchange.setBandwidth(spec?.declaredUplink ?? 0, spec?.downlink ?? 0)
    return exchange
  }

  #arrive(peer: SwarmPeer): void {
    this.#download(peer, false)
  }

  #download(peer: SwarmPeer, needBackToSource: boolean): void {
    const { scenario, world } = this.#run
    const exchange = peer.exchange ?? this.#begin(peer)
    exchange.want(0, scenario.pieceCount, world.now)
    if (scenario.hasReaders === true) exchange.setReader(0)
    peer.isRegistered = true
    this.#scheduler.register(peer, needBackToSource)
    world.after(REPORT_MS, kinds.report, peer.host)
    this.#traffic.perform(peer)
  }

  #onEffect(effect: SchedulerEffect): void {
    const { world, scenario } = this.#run
    switch (effect.type) {
      case 'normal': {
        const peer = this.#peer(hostOf(effect.peerId))
        if (peer.isRegistered) this.#takeParents(peer, effect.parents, effect.client)
        break
      }
      case 'needBackToSource': {
        const peer = this.#peer(hostOf(effect.peerId))
        if (!peer.isRegistered) break
        peer.hasStarted = true
        peer.isAtOrigin = true
        this.#scheduler.tell({ type: 'backToSourceStarted', peerId: peer.peerId })
        this.#readOrigin(peer)
        break
      }
      case 'triggerSeed': {
        const peer = this.#peer(hostOf(effect.hostId))
        peer.triggerId = effect.triggerId
        world.after(scenario.seeds.startMs ?? 0, kinds.seedStart, peer.host)
        break
      }
      case 'endStream':
        this.#peer(hostOf(effect.peerId)).isRegistered = false
        break
    }
  }

  #takeParents(peer: SwarmPeer, parents: readonly PeerId[], client: ClientParams): void {
    peer.exchange?.setParams({ ...client, ...this.#options.client })
    if (!peer.hasStarted) {
      peer.hasStarted = true
      this.#scheduler.tell({ type: 'peerStarted', peerId: peer.peerId })
    }
    for (const parent of parents) this.#traffic.dial(peer, this.#peer(hostOf(parent)))
  }

  #seedStarts(seed: SwarmPeer): void {
    if (seed.isAlive && !seed.isRegistered) this.#download(seed, true)
  }

  /** Keeps the line from the origin busy, in the order of the content. */
  #readOrigin(peer: SwarmPeer): void {
    const { exchange } = peer
    if (!peer.isAtOrigin || exchange === undefined) return
    const { scenario, world } = this.#run
    for (let piece = 0; piece < scenario.pieceCount; piece++) {
      if (peer.originReads >= ORIGIN_READS) return
      if (!exchange.isOpen(piece)) continue
      peer.originReads += 1
      exchange.reserve(piece, true, world.now)
      this.#traffic.readOrigin(peer, piece)
    }
  }

  #finish(peer: SwarmPeer): void {
    if (!peer.isRegistered) return
    this.#report(peer)
    peer.isRegistered = false
    const type = peer.isAtOrigin ? 'backToSourceFinished' : 'peerFinished'
    this.#scheduler.tell({ type, peerId: peer.peerId })
    if (peer.triggerId === undefined) return
    this.#scheduler.tell({ type: 'seedTriggerEnded', triggerId: peer.triggerId })
    peer.triggerId = undefined
  }

  #tick(peer: SwarmPeer): void {
    const { exchange } = peer
    if (!peer.isAlive || exchange === undefined) return
    const { world } = this.#run
    if (!exchange.isDone) this.#traffic.tellProgress(peer)
    exchange.tick(world.now)
    this.#traffic.perform(peer)
    world.after(TICK_MS, kinds.tick, peer.host)
  }

  #reportRegularly(peer: SwarmPeer): void {
    if (!peer.isRegistered || !peer.isAlive) return
    this.#report(peer)
    this.#run.world.after(REPORT_MS, kinds.report, peer.host)
  }

  #report(peer: SwarmPeer): void {
    if (peer.exchange === undefined || !peer.isRegistered) return
    const { bytes, rate, slow } = peer.exchange.takeReport()
    this.#scheduler.tell({
      type: 'peerReported',
      peerId: peer.peerId,
      pieces: peer.news,
      rateBytesPerSec: rate,
      bytes,
      failedParents: peer.failed,
      slowParents: slow.flatMap((slot) => peer.links[slot]?.twin.owner.peerId ?? []),
    })
    peer.news = []
    peer.failed = []
  }

  /** It comes back with what it held and takes up its download where it was. */
  #restart(peer: SwarmPeer): void {
    const { exchange } = peer
    const { scenario, world } = this.#run
    if (exchange === undefined) {
      this.#arrive(peer)
      return
    }
    const again = this.#newExchange(peer)
    for (let piece = 0; piece < scenario.pieceCount; piece++) {
      if (exchange.has(piece)) again.pieceArrived(originSlot, piece, world.now)
    }
    peer.exchange = again
    this.#reannounce(peer)
  }

  #reannounceSoon(peer: SwarmPeer): void {
    const { world, random } = this.#run
    world.after(REANNOUNCE_MS * random.next(), kinds.reannounce, peer.host)
  }

  /** Tells a scheduler that knows nothing what this host holds and what it still wants. */
  #reannounce(peer: SwarmPeer): void {
    const { exchange } = peer
    if (!this.#speaks(peer) || exchange === undefined) return
    const { pieceCount } = this.#run.scenario
    const have = new Bitset(pieceCount)
    for (let piece = 0; piece < pieceCount; piece++) if (exchange.has(piece)) have.set(piece)
    this.#scheduler.announceHost(peer)
    if (have.count > 0) {
      this.#scheduler.announceInventory(peer, have.isFull ? 'all' : have.toBytes())
    }
    peer.hasStarted = false
    // Who reads from the origin goes on meanwhile: to stop would only mean to read it again.
    if (!have.isFull) this.#download(peer, peer.isAtOrigin)
    if (peer.isAtOrigin) {
      this.#scheduler.tell({ type: 'backToSourceStarted', peerId: peer.peerId })
    }
  }

  #noticeCut(peer: SwarmPeer): void {
    for (const link of [...peer.linkTo.values()]) {
      if (!link.twin.owner.isCut) this.#traffic.close(link)
    }
    this.#streamBreaks(peer)
  }

  /** The scheduler sees the peer's stream end; the peer speaks to it again when it can. */
  #streamBreaks(peer: SwarmPeer): void {
    if (peer.isRegistered) this.#scheduler.tell({ type: 'streamClosed', peerId: peer.peerId })
    peer.isRegistered = false
  }

  #speaks(peer: SwarmPeer): boolean {
    return peer.isAlive && !peer.isDown && !peer.isCut && this.#scheduler.isUp
  }

  /** The process is killed: its connections break at once. */
  #die(peer: SwarmPeer): void {
    if (!peer.isAlive) return
    peer.isAlive = false
    this.#run.tally.died(peer.host)
    this.#traffic.closeAll(peer)
    this.#scheduler.tell({ type: 'streamClosed', peerId: peer.peerId })
    peer.isRegistered = false
    peer.exchange = undefined
  }
}

function newPeer(host: number, isSeed: boolean): SwarmPeer {
  return {
    host,
    peerId: peerIdOf(host),
    isSeed,
    exchange: undefined,
    links: [],
    linkTo: new Map(),
    isAlive: true,
    isDown: false,
    isCut: false,
    isRegistered: false,
    hasStarted: false,
    news: [],
    failed: [],
    isAtOrigin: false,
    originReads: 0,
    triggerId: undefined,
    sent: 0,
  }
}
