import { Slab } from '../kernel/slab.ts'
import type { WorldHandler } from '../kernel/virtual-world.ts'
import { contentBytes } from '../scenarios/scenario.ts'
import { ORIGIN, type SwarmRun } from '../world/swarm-run.ts'
import { type DragonflyPeer, type Parent, pieceState } from './dragonfly-peer.ts'
import { CONCURRENCY, DragonflyScheduler } from './dragonfly-scheduler.ts'

const TRIES_BEFORE_SOURCE = 4
const RETRY_MS = 500
const MAX_AT_SOURCE = 200
/** A piece waits so long for all parents to announce it. */
const COLLECT_MS = 100
const STATS_MS = 1000
/** Weight of a busy parent, of its uplink. */
const MIN_IDLE_SHARE = 0.1

const kinds = {
  arrive: 0,
  search: 1,
  seedStart: 2,
  hear: 3,
  collect: 4,
  request: 5,
  stats: 6,
  die: 7,
} as const

interface Transfer {
  readonly child: DragonflyPeer
  readonly parent: DragonflyPeer | undefined
  readonly piece: number
  readonly startedAt: number
  flow: number
}

/**
 * A model of Dragonfly v2.5 (scheduler 66db456, client v1.5.1) from its published behaviour: three parents in an acyclic
 * graph, pieces in the order of their number, eight at a time, a parent for each by weighted chance, no upload slots;
 * four searches half a second apart, then up to 201 peers at the origin. The baseline arm: there is no code of ours that
 * behaves like this. Not in it: disks, hashing, its 64-way gRPC queues, tasks other than this one.
 */
export class DragonflySwarm implements WorldHandler {
  readonly #run: SwarmRun
  readonly #scheduler: DragonflyScheduler
  readonly #peers: DragonflyPeer[]
  readonly #transfers = new Slab<Transfer>()
  /** By flow. */
  readonly #moving: number[] = []
  #atSource = 0
  #isSeedCalled = false

  constructor(run: SwarmRun) {
    const { scenario, population, world } = run
    this.#run = run
    const content = { bytes: contentBytes(scenario), pieceBytes: scenario.pieceBytes }
    this.#scheduler = new DragonflyScheduler(content, run.random)
    this.#peers = population.hosts.map(({ kind, declaredUplink, rack }, host) => ({
      host,
      isSeed: kind === 'seed',
      maxTx: declaredUplink * 8,
      rack,
      state: 'absent',
      tries: 0,
      parents: [],
      children: [],
      nextListener: 0,
      pieces: 0,
      costSum: 0,
      costLast: 0,
      sent: 0,
      sentBefore: 0,
      have: new Uint8Array(scenario.pieceCount),
      held: 0,
      pieceState: new Uint8Array(scenario.pieceCount),
      reporters: new Uint8Array(scenario.pieceCount),
      queue: [],
      head: 0,
      inFlight: 0,
    }))
    for (const [host, { kind, arrivesMs, diesMs }] of population.hosts.entries()) {
      if (kind === 'peer') world.queue.push(arrivesMs, kinds.arrive, host)
      if (kind === 'seed' && scenario.origin === undefined) this.#warm(this.#peer(host))
      if (diesMs < Number.POSITIVE_INFINITY) world.queue.push(diesMs, kinds.die, host)
      if (kind !== 'origin') world.queue.push(STATS_MS * run.random.next(), kinds.stats, host)
    }
  }

  get isOver(): boolean {
    return this.#run.tally.open === 0
  }

  /** Nothing is fetched twice by rule. */
  readonly wastedBytes = 0

  get decisions(): number {
    return this.#scheduler.searches
  }

  onEvent(kind: number, a: number, b: number): void {
    const peer = this.#peers[a] as DragonflyPeer
    switch (kind) {
      case kinds.arrive:
        this.#arrive(peer)
        break
      case kinds.search:
        this.#search(peer)
        break
      case kinds.seedStart:
        this.#goToSource(peer)
        break
      case kinds.hear:
        for (const child of peer.children) this.#hear(child, peer, b)
        break
      case kinds.collect:
        if (peer.pieceState[b] === pieceState.heard) this.#enqueue(peer, b)
        break
      case kinds.request:
        this.#start(a)
        break
      case kinds.stats:
        this.#tellStats(peer)
        break
      case kinds.die:
        this.#die(peer)
        break
    }
  }

  onFlowEnd(flow: number): void {
    const transfer = this.#transfers.take(this.#moving[flow] as number)
    this.#moving[flow] = -1
    const { child, parent, piece, startedAt } = transfer
    const { world, tally, scenario } = this.#run
    tally.moved(parent?.host ?? ORIGIN, child.host, scenario.pieceBytes)
    if (parent !== undefined) parent.sent += scenario.pieceBytes
    child.inFlight -= 1
    child.costLast = world.now - startedAt
    child.costSum += child.costLast
    child.pieces += 1
    if (child.have[piece] === 0) this.#got(child, piece)
    this.#pump(child)
  }

  #peer(host: number): DragonflyPeer {
    return this.#peers[host] as DragonflyPeer
  }

  #warm(seed: DragonflyPeer): void {
    seed.have.fill(1)
    seed.held = seed.have.length
    seed.state = 'succeeded'
    this.#scheduler.add(seed)
  }

  #arrive(peer: DragonflyPeer): void {
    peer.state = 'waiting'
    this.#scheduler.add(peer)
    this.#callSeed()
    this.#search(peer)
  }

  /** The first registration of a task calls one seed. */
  #callSeed(): void {
    const { scenario, world } = this.#run
    if (this.#isSeedCalled || scenario.origin === undefined) return
    this.#isSeedCalled = true
    const seed = this.#peers.find(({ isSeed }) => isSeed)
    if (seed === undefined) return
    seed.state = 'waiting'
    this.#scheduler.add(seed)
    world.after(scenario.seeds.startMs ?? 0, kinds.seedStart, seed.host)
  }

  #search(peer: DragonflyPeer): void {
    const { world, scenario, random } = this.#run
    if (peer.state !== 'waiting') return
    const mayGo = scenario.origin !== undefined
    if (peer.tries >= TRIES_BEFORE_SOURCE && mayGo && this.#atSource <= MAX_AT_SOURCE) {
      this.#goToSource(peer)
      return
    }
    const parents = this.#scheduler.findParents(peer)
    if (parents.length === 0) {
      peer.tries += 1
      // After five the client gives up and, where it may, fetches the rest from the source itself.
      if (mayGo && peer.tries > TRIES_BEFORE_SOURCE) this.#goToSource(peer)
      else world.after(RETRY_MS * (0.75 + 0.5 * random.next()), kinds.search, peer.host)
      return
    }
    peer.tries = 0
    peer.state = 'running'
    peer.parents = parents.map((parent) => ({ peer: parent, idleTx: parent.maxTx }))
    for (const parent of parents) parent.children.push(peer)
    peer.reporters.fill(0)
    for (const parent of parents) {
      for (const [piece, held] of parent.have.entries()) {
        if (held === 1) this.#hear(peer, parent, piece)
      }
    }
  }

  #goToSource(peer: DragonflyPeer): void {
    if (peer.state === 'dead') return
    this.#atSource += 1
    peer.state = 'atSource'
    for (let piece = 0; piece < peer.have.length; piece++) {
      if (peer.have[piece] === 0 && peer.pieceState[piece] !== pieceState.queued) {
        this.#enqueue(peer, piece)
      }
    }
  }

  #hear(child: DragonflyPeer, parent: DragonflyPeer, piece: number): void {
    const index = child.parents.findIndex(({ peer }) => peer === parent)
    if (index < 0 || child.state !== 'running') return
    child.reporters[piece] = (child.reporters[piece] as number) | (1 << index)
    if (child.have[piece] === 1 || child.pieceState[piece] === pieceState.queued) return
    const all = (1 << child.parents.length) - 1
    if (child.reporters[piece] === all) this.#enqueue(child, piece)
    else if (child.pieceState[piece] === pieceState.unknown) {
      child.pieceState[piece] = pieceState.heard
      this.#run.world.after(COLLECT_MS, kinds.collect, child.host, piece)
    }
  }

  #enqueue(peer: DragonflyPeer, piece: number): void {
    peer.pieceState[piece] = pieceState.queued
    peer.queue.push(piece)
    this.#pump(peer)
  }

  #pump(child: DragonflyPeer): void {
    const { world } = this.#run
    while (child.inFlight < CONCURRENCY && child.head < child.queue.length) {
      const piece = child.queue[child.head++] as number
      const parent = child.state === 'atSource' ? undefined : this.#chooseParent(child, piece)
      if (child.state !== 'atSource' && parent === undefined) {
        // Nobody is left who has it: it is heard of again after the next search.
        child.pieceState[piece] = pieceState.unknown
        continue
      }
      child.inFlight += 1
      const transfer = { child, parent, piece, startedAt: world.now, flow: -1 }
      const latency = world.cabling.latencyMs(parent?.host ?? ORIGIN, child.host)
      world.after(latency, kinds.request, this.#transfers.put(transfer))
    }
  }

  #chooseParent(child: DragonflyPeer, piece: number): DragonflyPeer | undefined {
    const mask = child.reporters[piece] as number
    const able = child.parents.filter((_, index) => (mask & (1 << index)) !== 0)
    const weight = ({ peer, idleTx }: Parent) => Math.max(idleTx, MIN_IDLE_SHARE * peer.maxTx)
    let left = this.#run.random.next() * able.reduce((sum, parent) => sum + weight(parent), 0)
    for (const parent of able) {
      left -= weight(parent)
      if (left <= 0) return parent.peer
    }
    return able.at(-1)?.peer
  }

  #start(index: number): void {
    const { world, scenario } = this.#run
    const transfer = this.#transfers.get(index)
    const { child, parent, piece } = transfer
    if (child.state === 'dead' || parent?.state === 'dead') {
      this.#transfers.take(index)
      child.inFlight -= 1
      this.#retry(child, piece)
      return
    }
    const path = world.cabling.path(parent?.host ?? ORIGIN, child.host)
    transfer.flow = world.network.start(path, scenario.pieceBytes, world.now)
    this.#moving[transfer.flow] = index
  }

  #retry(child: DragonflyPeer, piece: number): void {
    if (child.state === 'dead' || child.have[piece] === 1) return
    child.queue.push(piece)
    this.#pump(child)
  }

  #got(peer: DragonflyPeer, piece: number): void {
    const { world, tally, scenario } = this.#run
    peer.have[piece] = 1
    peer.held += 1
    tally.gotPiece(peer.host, world.now, peer.held, (other) => peer.have[other] === 1)
    if (peer.held === scenario.pieceCount) {
      peer.state = 'succeeded'
      for (const parent of peer.parents) remove(parent.peer.children, peer)
      peer.parents = []
    }
    // The number 1 says: after the latency of a rack.
    if (peer.children.length > 0) world.after(1, kinds.hear, peer.host, piece)
  }

  /** One of the children hears how much was sent in the last second; the next one a second later. */
  #tellStats(peer: DragonflyPeer): void {
    const { world } = this.#run
    const idle = Math.max(0, peer.maxTx - ((peer.sent - peer.sentBefore) * 8000) / STATS_MS)
    peer.sentBefore = peer.sent
    const child = peer.children[peer.nextListener % Math.max(1, peer.children.length)]
    peer.nextListener += 1
    for (const parent of child?.parents ?? []) if (parent.peer === peer) parent.idleTx = idle
    if (peer.state !== 'dead') world.after(STATS_MS, kinds.stats, peer.host)
  }

  #die(peer: DragonflyPeer): void {
    const { world, tally } = this.#run
    peer.state = 'dead'
    tally.died(peer.host)
    this.#scheduler.remove(peer)
    for (const parent of peer.parents) remove(parent.peer.children, peer)
    const broken = this.#moving.flatMap((index, flow) => {
      if (index === undefined || index < 0) return []
      const { child, parent } = this.#transfers.get(index)
      return child === peer || parent === peer ? [flow] : []
    })
    const orphans = peer.children.splice(0)
    for (const child of orphans) this.#loseParent(child, peer)
    for (const flow of broken) {
      const { child, parent, piece } = this.#transfers.take(this.#moving[flow] as number)
      this.#moving[flow] = -1
      const left = world.network.stop(flow, world.now)
      tally.moved(parent?.host ?? ORIGIN, child.host, this.#run.scenario.pieceBytes - left)
      child.inFlight -= 1
      this.#retry(child, piece)
    }
  }

  /** Without any parent left the client asks for others. */
  #loseParent(child: DragonflyPeer, parent: DragonflyPeer): void {
    const index = child.parents.findIndex(({ peer }) => peer === parent)
    child.parents.splice(index, 1)
    for (const [piece, mask] of child.reporters.entries()) {
      const below = mask & ((1 << index) - 1)
      child.reporters[piece] = below | ((mask >> (index + 1)) << index)
    }
    if (child.parents.length > 0 || child.state !== 'running') return
    child.state = 'waiting'
    this.#run.world.after(1, kinds.search, child.host)
  }
}

function remove<T>(list: T[], item: T): void {
  const index = list.indexOf(item)
  if (index >= 0) list.splice(index, 1)
}
