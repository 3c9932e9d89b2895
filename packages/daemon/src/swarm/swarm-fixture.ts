import { type Random, randomInt, seededRandom } from '@damselfly/core'
import { type ClientParams, defaultClientParams } from './client-params.ts'
import { Exchange } from './exchange.ts'
import { originSlot, type Slot, type SwarmAction, type SwarmMessage } from './messages.ts'

const tickMs = 100

export interface MemorySwarmOptions {
  readonly pieceCount: number
  readonly seed?: number
  /** How long each piece takes, whoever sends it. */
  readonly pieceMs?: number
  /** Messages take 1 ms and up to so much more, each link keeping their order. */
  readonly jitterMs?: number
  readonly params?: Partial<ClientParams>
}

export interface MemoryHost {
  readonly name: number
  readonly exchange: Exchange
  readonly rack: number
  readonly isSeed: boolean
  /** It does nothing any more, and nobody is told. */
  isFrozen: boolean
  /** All that it sends is wrong. */
  isCorrupt: boolean
  /** Its pieces take so many times longer. */
  slowness: number
  /** Pieces that left it, and of these to another rack. */
  sent: number
  sentFar: number
  /** When everything was here. */
  doneAt: number | undefined
  readonly dropped: { readonly at: number; readonly who: MemoryHost }[]
  readonly links: Map<Slot, Link>
}

interface Link {
  readonly to: MemoryHost
  /** Our number there. */
  readonly slotThere: Slot
  lastDelivery: number
  isClosed: boolean
}

interface Transfer {
  readonly from: MemoryHost
  readonly startedAt: number
  readonly ms: number
  isOver: boolean
}

/** Exchanges in one process, joined by links with a latency; virtual time, one event after another. */
export class MemorySwarm {
  readonly hosts: MemoryHost[] = []
  readonly #options: Required<Omit<MemorySwarmOptions, 'params'>>
  readonly #params: ClientParams
  readonly #random: Random
  readonly #agenda = new Map<number, (() => void)[]>()
  readonly #transfers = new Map<string, Transfer>()
  now = 0
  /** Pieces that arrived where they already were, whole or in part. */
  refreshes = 0

  constructor({ params, ...options }: MemorySwarmOptions) {
    this.#options = { seed: 1, pieceMs: 60, jitterMs: 0, ...options }
    this.#params = { ...defaultClientParams(options.pieceCount), ...params }
    this.#random = seededRandom(this.#options.seed)
  }

  add(host: { isSeed?: boolean; holds?: readonly number[]; rack?: number } = {}): MemoryHost {
    const { pieceCount } = this.#options
    const { isSeed = false, rack = 0, holds = isSeed ? allOf(pieceCount) : [] } = host
    const exchange = new Exchange({
      pieceCount,
      pieceLength: 1_000,
      contentLength: pieceCount * 1_000,
      params: this.#params,
      isSeed,
      random: seededRandom(this.#options.seed * 1_000 + this.hosts.length),
    })
    const added: MemoryHost = {
      name: this.hosts.length,
      exchange,
      rack,
      isSeed,
      isFrozen: false,
      isCorrupt: false,
      slowness: 1,
      sent: 0,
      sentFar: 0,
      doneAt: undefined,
      dropped: [],
      links: new Map(),
    }
    this.hosts.push(added)
    for (const piece of holds) exchange.pieceArrived(originSlot, piece, this.now)
    exchange.takeActions()
    exchange.want(0, pieceCount, this.now)
    this.#at(1 + randomInt(this.#random, tickMs), () => this.#tick(added))
    return added
  }

  link(a: MemoryHost, b: MemoryHost): void {
    const isNear = a.rack === b.rack
    const slotAtA = a.exchange.addNeighbour({ isSeed: b.isSeed, isNear, grants: true }, this.now)
    const slotAtB = b.exchange.addNeighbour({ isSeed: a.isSeed, isNear, grants: true }, this.now)
    if (slotAtA === undefined || slotAtB === undefined) throw new Error('too many links')
    const fresh = { lastDelivery: 0, isClosed: false }
    a.links.set(slotAtA, { to: b, slotThere: slotAtB, ...fresh })
    b.links.set(slotAtB, { to: a, slotThere: slotAtA, ...fresh })
    this.#act(a)
    this.#act(b)
  }

  /** Each pair of hosts becomes neighbours with this probability. */
  linkAll(probability = 1): void {
    for (const [at, a] of this.hosts.entries()) {
      for (const b of this.hosts.slice(at + 1)) {
        if (this.#random.next() < probability) this.link(a, b)
      }
    }
  }

  /** Lets time pass until all that still work are done; the virtual milliseconds that it took. */
  run(untilMs = 600_000, isOver = (): boolean => this.isDone): number {
    while (this.now < untilMs && !isOver()) {
      this.now += 1
      const due = this.#agenda.get(this.now)
      this.#agenda.delete(this.now)
      for (const event of due ?? []) event()
    }
    return this.now
  }

  get isDone(): boolean {
    return this.hosts.every((host) => host.isFrozen || host.exchange.isDone)
  }

  /** Has a host do something. */
  does(host: MemoryHost, what: (exchange: Exchange, now: number) => void): void {
    if (host.isFrozen) return
    what(host.exchange, this.now)
    if (host.exchange.isDone) host.doneAt ??= this.now
    this.#act(host)
  }

  #at(delayMs: number, event: () => void): void {
    const due = this.now + delayMs
    const events = this.#agenda.get(due) ?? []
    events.push(event)
    this.#agenda.set(due, events)
  }

  #tick(host: MemoryHost): void {
    for (const { slot, piece } of host.exchange.flows) {
      const transfer = this.#transfers.get(keyOf(host, slot, piece))
      if (transfer === undefined || transfer.from.isFrozen) continue
      const part = (this.now - transfer.startedAt) / transfer.ms
      this.does(host, (e, now) => e.progress(slot, piece, Math.floor(part * 1_000), now))
    }
    this.does(host, (exchange, now) => exchange.tick(now))
    this.#at(tickMs, () => this.#tick(host))
  }

  #act(host: MemoryHost): void {
    for (const action of host.exchange.takeActions()) this.#do(host, action)
  }

  #do(host: MemoryHost, action: SwarmAction): void {
    switch (action.kind) {
      case 'send':
        for (const [slot, link] of host.links) {
          const isMeant = typeof action.to === 'number' ? action.to === slot : true
          if (isMeant && (action.to !== 'near' || link.to.rack === host.rack)) {
            this.#send(link, action.message)
          }
        }
        break
      case 'request':
        this.#request(host, action.slot, action.piece)
        break
      case 'cancel':
        this.#end(host, action.slot, action.piece, false)
        break
      case 'refresh':
        this.refreshes += 1
        for (const slot of action.drop) this.#drop(host, slot)
        break
    }
  }

  #send(link: Link, message: SwarmMessage): void {
    const jitter = randomInt(this.#random, this.#options.jitterMs + 1)
    link.lastDelivery = Math.max(link.lastDelivery, this.now + 1 + jitter)
    this.#at(link.lastDelivery - this.now, () => {
      if (!link.isClosed) this.does(link.to, (e, now) => e.receive(link.slotThere, message, now))
    })
  }

  #request(host: MemoryHost, slot: Slot, piece: number): void {
    const link = host.links.get(slot)
    if (link === undefined) throw new Error(`a request to nobody: ${slot}`)
    const { to, slotThere } = link
    const ms = Math.round(this.#options.pieceMs * to.slowness)
    const transfer = { from: to, startedAt: this.now + 1, ms, isOver: false }
    this.#transfers.set(keyOf(host, slot, piece), transfer)
    this.#at(1, () => {
      if (!transfer.isOver) this.does(to, (e, now) => void e.uploadStarted(slotThere, piece, now))
    })
    this.#at(1 + ms, () => {
      if (transfer.isOver || to.isFrozen) return
      to.sent += 1
      if (to.rack !== host.rack) to.sentFar += 1
      this.#end(host, slot, piece, true)
      this.does(host, (e, now) =>
        to.isCorrupt
          ? e.pieceFailed(slot, piece, 'corrupt', now)
          : e.pieceArrived(slot, piece, now),
      )
    })
  }

  #end(host: MemoryHost, slot: Slot, piece: number, isWhole: boolean): void {
    const key = keyOf(host, slot, piece)
    const transfer = this.#transfers.get(key)
    const link = host.links.get(slot)
    this.#transfers.delete(key)
    if (transfer === undefined || transfer.isOver || link === undefined) return
    transfer.isOver = true
    this.#at(1, () => {
      if (link.isClosed) return
      this.does(link.to, (e, now) => e.uploadEnded(link.slotThere, now, isWhole))
    })
  }

  #drop(host: MemoryHost, slot: Slot): void {
    const link = host.links.get(slot)
    if (link === undefined) return
    host.dropped.push({ at: this.now, who: link.to })
    this.unlink(host, slot)
  }

  /** Both ends see at once that the link is gone. */
  unlink(host: MemoryHost, slot: Slot): void {
    const link = host.links.get(slot)
    const back = link?.to.links.get(link.slotThere)
    if (link === undefined || back === undefined) return
    link.isClosed = true
    back.isClosed = true
    host.links.delete(slot)
    link.to.links.delete(link.slotThere)
    this.does(host, (e, now) => e.removeNeighbour(slot, now))
    this.does(link.to, (e, now) => e.removeNeighbour(link.slotThere, now))
  }
}

const allOf = (count: number): number[] => [...Array(count).keys()]

const keyOf = (host: MemoryHost, slot: Slot, piece: number): string =>
  `${host.name}/${slot}/${piece}`
