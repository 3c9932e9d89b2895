import { isIP } from 'node:net'
import type { ExchangeHello, ExchangeMessage } from '@damselfly/api/peer'
import {
  background,
  type CancelTimer,
  contradict,
  DfError,
  isDfError,
  type PieceGeometry,
  pieceGeometry,
  validatorsOf,
} from '@damselfly/core'
import type { LiveTask } from '../download/live-task.ts'
import type { ParentAddress } from '../download/parent-session.ts'
import {
  defaultClientParams,
  Exchange,
  originSlot,
  type RefreshReason,
  type Slot,
  type SwarmAction,
  type SwarmMessage,
} from '../swarm/index.ts'
import { toClientParams } from './client-params.ts'
import type { MeshDeps, MeshJob, MeshMembership } from './mesh-job.ts'
import { countOther, countSaid } from './mesh-metrics.ts'
import { Neighbour } from './neighbour.ts'
import { NeighbourLink } from './neighbour-link.ts'
import { openNeighbour } from './open-neighbour.ts'
import { isNear } from './place.ts'
import { SignsOfLife } from './signs-of-life.ts'
import { Takes } from './takes.ts'
import { fromWire, onePiece, type WireMessage } from './wire.ts'

const activeTickMs = 100
const restingTickMs = 1_000
/** Without a word for so long a neighbour is not kept by a host that downloads nothing. */
const quietMs = 60_000
/** After so many refreshes in a row for want of pieces, who is told to have them does not give them: about eight seconds. */
const muteAfter = 4
/** Requests to one neighbour follow each other on one connection without a gap. */
const depth = 4

/**
 * One task of this host among its neighbours: drives an `Exchange` over links to other daemons and the data plane. It lives as long
 * as somebody here downloads the task or somebody elsewhere is linked to it.
 */
export class TaskMesh {
  readonly #live: LiveTask
  readonly #deps: MeshDeps
  readonly #geometry: PieceGeometry
  readonly #exchange: Exchange
  readonly #takes: Takes
  readonly #jobs = new Set<MeshJob>()
  /** By host id; also those that are still being opened. */
  readonly #byHost = new Map<string, Neighbour>()
  readonly #bySlot = new Map<Slot, Neighbour>()
  readonly #signs = new SignsOfLife()
  readonly #unlisten: () => void
  readonly #onEmpty: () => void
  #isActing = false
  #isClosed = false
  #cancelTick: CancelTimer | undefined
  #tickMs = restingTickMs

  /** `onEmpty`: nobody needs it any more. */
  constructor(live: LiveTask, deps: MeshDeps, onEmpty: () => void) {
    const { contentLength, pieceLength } = live.stored.spec
    this.#live = live
    this.#deps = deps
    this.#onEmpty = onEmpty
    this.#geometry = pieceGeometry(contentLength, pieceLength)
    const { pieceCount } = this.#geometry
    this.#exchange = new Exchange({
      pieceCount,
      pieceLength: this.#geometry.pieceLength,
      contentLength,
      params: defaultClientParams(pieceCount),
      isSeed: deps.host.isSeed,
      isSharing: deps.isSharing,
      random: deps.random,
      depth,
      isBlind: true,
    })
    const exchange = this.#exchange
    const act = (): void => this.#act()
    this.#takes = new Takes({ live, geometry: this.#geometry, exchange, act }, deps)
    const now = deps.clock.monotonic()
    for (const piece of live.stored.have.setBits()) exchange.pieceArrived(originSlot, piece, now)
    for (const piece of live.claimed) exchange.reserve(piece, true, now)
    exchange.setReader(live.reader)
    this.#unlisten = this.#listen()
  }

  get live(): LiveTask {
    return this.#live
  }

  /** Links over which something has been said. */
  get neighbours(): number {
    return this.#bySlot.size
  }

  /** Pieces of [first, end) are fetched for this job until it leaves. */
  join(job: MeshJob): MeshMembership {
    this.#deps.peerIds.registered(this.#live.taskId, job.peerId)
    this.#jobs.add(job)
    if (this.#jobs.size === 1) this.#tellDownloading()
    this.#exchange.want(job.wanted.first, job.wanted.end, this.#now())
    this.#act()
    return {
      meet: (addresses) => {
        for (const address of addresses) this.#meet(address)
      },
      inFlight: () => this.#takes.of(job).length,
      setParams: (params) => {
        this.#exchange.setParams(toClientParams(params, this.#geometry.pieceCount))
      },
      takeReport: () => {
        const { slow, ...received } = this.#exchange.takeReport()
        const peerIds = slow.map((slot) => this.#bySlot.get(slot)?.peerId)
        return { ...received, slow: peerIds.filter((id) => id !== undefined) }
      },
      isHopeful: () => [...this.#byHost.values()].some((n) => this.#isHopeful(n)),
      leave: () => this.#leave(job),
    }
  }

  /** A link that another host has opened. */
  async *accept(
    messages: AsyncIterable<ExchangeMessage>,
    signal: AbortSignal,
  ): AsyncGenerator<ExchangeMessage> {
    const neighbour = this.#neighbour(undefined)
    const { link } = neighbour
    const stop = (): void => link.end()
    signal.addEventListener('abort', stop, { once: true })
    void link.read(messages)
    try {
      yield* link.outbox
    } finally {
      signal.removeEventListener('abort', stop)
      link.end()
    }
  }

  /** Ends all links. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#cancelTick?.()
    this.#unlisten()
    for (const { link } of [...this.#byHost.values()]) link.end()
  }

  async #leave(job: MeshJob): Promise<void> {
    this.#jobs.delete(job)
    if (this.#jobs.size === 0) this.#tellDownloading()
    this.#exchange.wantNothing()
    for (const { wanted } of this.#jobs) {
      this.#exchange.want(wanted.first, wanted.end, this.#now())
    }
    this.#act()
    await Promise.all(this.#takes.of(job).map(({ done }) => done))
    this.#tidy()
  }

  #tellDownloading(): void {
    for (const { link } of [...this.#bySlot.values()]) link.post(this.#downloading())
  }

  #downloading(): WireMessage {
    return { message: { case: 'downloading', value: { isActive: this.#jobs.size > 0 } } }
  }

  /** Links to a host that the scheduler has named, unless there is a link. */
  #meet(address: ParentAddress): void {
    const { host, bans, log } = this.#deps
    if (address.hostId === host.id || this.#byHost.has(address.hostId)) return
    const neighbour = this.#neighbour(address)
    this.#byHost.set(address.hostId, neighbour)
    if (bans.isBanned(address.hostId)) neighbour.link.end(banned(address.hostId))
    else background('link to a neighbour', openNeighbour(neighbour, this.#hello(), this.#deps), log)
  }

  #neighbour(address: ParentAddress | undefined): Neighbour {
    const link = new NeighbourLink(this.#deps.clock, {
      onHello: (hello) => this.#onHello(neighbour, hello),
      onMessage: (message) => this.#onMessage(neighbour, message),
      onEnd: (error) => this.#onEnd(neighbour, error),
    })
    const neighbour = new Neighbour(link, address, this.#deps)
    return neighbour
  }

  #hello() {
    const { host, place, control, piecePort, peerIds } = this.#deps
    const { contentLength, pieceLength } = this.#geometry
    return {
      taskId: this.#live.taskId,
      hostId: host.id,
      peerId: peerIds.of(this.#live.taskId),
      isSeed: host.isSeed,
      contentLength: BigInt(contentLength),
      pieceLength: BigInt(pieceLength),
      validators: validatorsOf(this.#live.stored.spec.responseHeader),
      ...place,
      ...control(),
      piecePort: piecePort(),
    }
  }

  #onHello(neighbour: Neighbour, hello: ExchangeHello): void {
    this.#check(neighbour, hello)
    if (!neighbour.isOurs && !this.#replaces(neighbour, hello.hostId)) {
      neighbour.link.end()
      return
    }
    this.#byHost.set(hello.hostId, neighbour)
    const { isSeed } = hello
    const traits = { isSeed, isNear: isNear(this.#deps.place, hello), grants: true }
    const slot = this.#exchange.addNeighbour(traits, this.#now())
    if (slot === undefined) throw new DfError('Overloaded', 'This host has neighbours enough.')
    neighbour.introduced(slot, hello, traits.isNear)
    this.#bySlot.set(slot, neighbour)
    if (!neighbour.isOurs) neighbour.link.hello(this.#hello())
    this.#act()
    neighbour.link.post(this.#downloading())
  }

  #check({ address }: Neighbour, hello: ExchangeHello): void {
    const { contentLength, pieceLength } = this.#geometry
    const isSame =
      hello.taskId === this.#live.taskId &&
      hello.contentLength === BigInt(contentLength) &&
      hello.pieceLength === BigInt(pieceLength) &&
      !contradict(hello.validators, this.#live.stored.spec.responseHeader)
    const isHost = hello.hostId !== '' && hello.hostId !== this.#deps.host.id
    const isPlace = isIP(hello.ip) !== 0 && isPort(hello.port) && isPort(hello.piecePort)
    if (!isSame || !isHost || !isPlace || hello.hostId !== (address?.hostId ?? hello.hostId)) {
      throw new DfError('PeerProtocol', 'The neighbour has another content, or no address.')
    }
    if (this.#deps.bans.isBanned(hello.hostId)) throw banned(hello.hostId)
  }

  /** Of two links with one host that are opened at the same time both sides keep the same one. */
  #replaces(neighbour: Neighbour, hostId: string): boolean {
    const other = this.#byHost.get(hostId)
    if (other === undefined || other === neighbour) return true
    if (other.isOurs && this.#deps.host.id < hostId) return false
    this.#byHost.delete(hostId)
    other.link.end()
    return true
  }

  #onMessage(neighbour: Neighbour, message: ExchangeMessage['message']): void {
    const { slot } = neighbour
    if (slot === undefined) return
    const now = this.#now()
    neighbour.heardAt = now
    this.#exchange.alive(slot, now)
    const { pieceCount } = this.#geometry
    if (message.case === 'taking') {
      const piece = onePiece(message.value.piece, pieceCount)
      if (this.#exchange.uploadStarted(slot, piece, now)) neighbour.uploads += 1
    } else if (message.case === 'ended') {
      neighbour.uploads = Math.max(0, neighbour.uploads - 1)
      this.#exchange.uploadEnded(slot, now, message.value.isWhole)
    } else if (message.case === 'downloading') {
      neighbour.isDownloading = message.value.isActive
      this.#wakeJobs()
    } else {
      if (message.case === 'lost') neighbour.wasWrong = true
      if (message.case === 'interested') neighbour.isWaiting = true
      if (message.case === 'decline') neighbour.isWaiting = false
      const said = fromWire(message, pieceCount)
      if (said !== undefined) this.#exchange.receive(slot, said, now)
    }
    this.#act()
  }

  #onEnd(neighbour: Neighbour, error: DfError | undefined): void {
    const { slot, hostId, address } = neighbour
    const isCurrent = this.#byHost.get(hostId) === neighbour
    if (isCurrent) this.#byHost.delete(hostId)
    if (slot !== undefined) {
      this.#bySlot.delete(slot)
      this.#exchange.removeNeighbour(slot, this.#now())
    }
    // Who ends a link without a word before any hello has another one with us, which is being opened.
    const isLoss = error !== undefined || slot !== undefined
    if (address !== undefined && isCurrent && isLoss && !this.#isClosed) {
      for (const job of this.#jobs) {
        if (isDfError(error, 'Unimplemented')) job.onForeign(address)
        else job.onLost(address)
      }
    }
    if (error !== undefined) {
      if (slot !== undefined) this.#deps.metrics.lost.inc()
      this.#deps.log.debug({ hostId, err: error }, 'neighbour lost')
    }
    this.#act()
    this.#wakeJobs()
    this.#checkEmpty()
  }

  #listen(): () => void {
    const { clock } = this.#deps
    return this.#live.listen({
      read: () => this.#exchange.setReader(this.#live.reader),
      claimed: (piece) => {
        if (!this.#takes.has(piece)) this.#exchange.reserve(piece, true, clock.monotonic())
        this.#act()
      },
      released: (piece) => {
        const now = clock.monotonic()
        this.#exchange.pieceLost(piece, now)
        this.#exchange.reserve(piece, false, now)
        this.#act()
      },
      finished: (record) => {
        const { number } = record
        this.#tellStarved(false)
        if (!this.#exchange.has(number)) {
          countOther(this.#deps.metrics, record)
          this.#exchange.pieceArrived(originSlot, number, clock.monotonic())
        }
        this.#act()
      },
    })
  }

  /** Does what the exchange has decided, in its order: what follows from one action comes after the others. */
  #act(): void {
    if (this.#isActing) return
    this.#isActing = true
    for (;;) {
      const actions = this.#exchange.takeActions()
      if (actions.length === 0) break
      for (const action of actions) this.#do(action)
    }
    this.#isActing = false
    this.#scheduleTick()
  }

  #do(action: SwarmAction): void {
    switch (action.kind) {
      case 'send':
        this.#send(action.to, action.message)
        break
      case 'request':
        this.#request(action)
        break
      case 'cancel':
        this.#takes.cancel(action.slot, action.piece)
        break
      case 'refresh':
        this.#refresh(action.drop, action.reason)
        break
    }
  }

  #send(to: Slot | 'all' | 'near', message: SwarmMessage): void {
    countSaid(this.#deps.metrics, message)
    if (typeof to === 'number') {
      const neighbour = this.#bySlot.get(to)
      if (neighbour === undefined) return
      if (message.kind === 'interested') neighbour.askedAt ??= this.#now()
      if (message.kind === 'decline') neighbour.decline(message.reason)
      else neighbour.link.say(message)
    } else {
      for (const neighbour of [...this.#bySlot.values()]) {
        if (to === 'all' || neighbour.isNear) neighbour.link.say(message)
      }
    }
  }

  #request({ slot, piece, isHedge }: Extract<SwarmAction, { kind: 'request' }>): void {
    const neighbour = this.#bySlot.get(slot)
    const job = [...this.#jobs].find(({ wanted }) => piece >= wanted.first && piece < wanted.end)
    if (neighbour === undefined || job === undefined) {
      neighbour?.decline('nothing')
      this.#exchange.pieceFailed(slot, piece, 'declined', this.#now())
    } else this.#takes.begin({ neighbour, piece, job, isHedge })
  }

  #wakeJobs(): void {
    for (const job of this.#jobs) job.onChange()
  }

  #refresh(drop: readonly Slot[], reason: RefreshReason): void {
    for (const slot of drop) {
      const why = new DfError('PeerUnavailable', `The neighbour is given up: ${reason}.`)
      this.#bySlot.get(slot)?.link.end(why)
    }
    this.#deps.metrics.switches.inc({ reason })
    this.#tellStarved(reason === 'starved')
    for (const job of this.#jobs) job.onRefresh(reason)
  }

  /** Counts for each neighbour how often in a row nothing was to be had since it is one. */
  #tellStarved(isStarved: boolean): void {
    for (const neighbour of this.#bySlot.values()) {
      neighbour.starved = isStarved ? neighbour.starved + 1 : 0
    }
  }

  #scheduleTick(): void {
    if (this.#isClosed || this.#byHost.size === 0) return
    const isPlanned = this.#cancelTick !== undefined
    if (isPlanned && this.#tickMs === activeTickMs) return
    const isActive =
      this.#jobs.size > 0 || [...this.#bySlot.values()].some(({ isServed }) => isServed)
    if (isPlanned && !isActive) return
    const delayMs = isActive ? activeTickMs : restingTickMs
    // Who has been resting does not keep anybody waiting for a sign of life.
    this.#cancelTick?.()
    this.#tickMs = delayMs
    this.#cancelTick = this.#deps.clock.schedule(delayMs, () => {
      this.#cancelTick = undefined
      this.#tick()
    })
  }

  #tick(): void {
    const now = this.#now()
    const { uplink, downlink } = this.#deps.bandwidth()
    this.#exchange.setBandwidth(uplink, downlink)
    this.#exchange.tick(now)
    this.#act()
    for (const { link } of this.#signs.tick([...this.#bySlot.values()], now)) {
      link.end(new DfError('PeerUnavailable', 'The neighbour says nothing any more.'))
    }
    if (this.#jobs.size > 0) this.#dropUseless()
    else this.#tidy()
  }

  /**
   * Who told of pieces that it has not got, and will not get any, is in the way: the scheduler counts on it. The same for those
   * who have all and give nothing although nothing else is under way.
   */
  #dropUseless(): void {
    for (const neighbour of [...this.#bySlot.values()]) {
      const { starved, isOurs, isDownloading } = neighbour
      const isMute = starved >= muteAfter && isOurs && !isDownloading
      if (isMute || (neighbour.wasWrong && !this.#isHopeful(neighbour))) {
        neighbour.link.end(new DfError('PieceNotFound', 'The neighbour does not give what it has.'))
      }
    }
  }

  /** Without a download here, links last as long as the other side may need something. */
  #tidy(): void {
    if (this.#jobs.size > 0) return
    const now = this.#now()
    for (const { slot, link, heardAt, uploads } of [...this.#bySlot.values()]) {
      if (slot === undefined) continue
      const hasAll = this.#exchange.heldBy(slot) === this.#geometry.pieceCount
      if (hasAll || (uploads === 0 && now - heardAt >= quietMs)) link.end()
    }
    this.#checkEmpty()
  }

  #checkEmpty(): void {
    if (this.#jobs.size > 0 || this.#byHost.size > 0) return
    this.close()
    this.#onEmpty()
  }

  /** It may still give something. */
  #isHopeful({ slot, isDownloading }: Neighbour): boolean {
    if (slot === undefined) return true
    const isComplete = this.#exchange.heldBy(slot) === this.#geometry.pieceCount
    return (
      (isDownloading && !isComplete) ||
      this.#exchange.openAt(slot) > 0 ||
      this.#exchange.flows.some((flow) => flow.slot === slot)
    )
  }

  #now(): number {
    return this.#deps.clock.monotonic()
  }
}

const isPort = (port: number): boolean => port > 0 && port <= 65_535

const banned = (hostId: string): DfError =>
  new DfError(
    'PeerUnavailable',
    `Host ${hostId} has sent wrong bytes and is not asked for a while.`,
  )
