import {
  type Clock,
  DfError,
  type Log,
  type Network,
  type Random,
  randomInt,
} from '@damselfly/core'
import { encodeRequest } from './codec.ts'
import { ExchangeLine } from './exchange-line.ts'
import { isPackingAvailable } from './packed-blocks.ts'
import { defaultPeerLinks, type PeerLinksOptions } from './peer-links-options.ts'
import type { FetchedPiece, PieceFetch } from './piece.ts'
import { PieceExchange } from './piece-exchange.ts'
import { PieceLink, type PieceLinkDeps } from './piece-link.ts'
import { type SecureNetwork, systemSecureNetwork } from './secure.ts'

export interface PeerLinksDeps {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  readonly log?: Log | undefined
  readonly secure?: SecureNetwork | undefined
}

export interface PeerLinksStats {
  readonly connections: number
  /** Connections of them that nobody uses. */
  readonly idle: number
  readonly inFlight: number
  readonly waiting: number
  /** Connections ever made. */
  readonly dialled: number
  /** Requests that were sent again because their connection broke before their turn. */
  readonly moved: number
  /** Bytes of any kind. */
  readonly receivedBytes: number
}

/** So many bytes are on their way before a next request could matter. */
const smallBytes = 1024 * 1024
/** Looks at unused connections happen so often within `keepMs`. */
const looks = 4

/**
 * All connections of one thread to its peers. Dragonfly's peers get one connection per piece; to our own, connections are
 * kept and requests follow each other without waiting.
 */
export class PeerLinks {
  readonly #options: Required<PeerLinksOptions>
  readonly #deps: PeerLinksDeps
  readonly #linkDeps: PieceLinkDeps
  readonly #links = new Set<PieceLink>()
  /** Kept connections by peer. */
  readonly #kept = new Map<string, Set<PieceLink>>()
  readonly #line = new ExchangeLine()
  readonly #running = new Set<PieceExchange>()
  readonly #counts = { dialled: 0, moved: 0, receivedBytes: 0 }
  #cancelSweep: (() => void) | undefined
  #isClosed = false

  constructor(options: PeerLinksOptions, deps: PeerLinksDeps) {
    this.#options = { ...defaultPeerLinks, ...options }
    const { connectMs, idleMs, readBufferBytes } = this.#options
    this.#deps = deps
    this.#linkDeps = {
      ...deps,
      secure: deps.secure ?? systemSecureNetwork(),
      timeouts: { connectMs, idleMs },
      readBuffer: readBufferOf(readBufferBytes),
    }
  }

  get stats(): PeerLinksStats {
    const links = [...this.#links]
    const { dialled, moved, receivedBytes } = this.#counts
    return {
      connections: links.length,
      idle: links.filter((link) => link.load === 0).length,
      inFlight: this.#running.size,
      waiting: this.#line.size,
      dialled,
      moved,
      receivedBytes: links.reduce((sum, link) => sum + link.receivedBytes, receivedBytes),
    }
  }

  /**
   * Fetches one piece. The sink gets exactly `expectedLength` bytes, in order; checking them against a digest is its
   * owner's business. When the promise settles no `sink.write` runs any more: whoever writes the same piece next cannot
   * be overtaken by a late write of this one.
   *
   * Errors: `PeerUnavailable`, `PieceNotFound`, `PeerProtocol`, `Overloaded` (the peer says so when `details.frameCode` is
   * set; else no socket could be had here, or too many fetches wait), whatever the sink throws, the signal's reason.
   */
  async fetch(fetch: PieceFetch): Promise<FetchedPiece> {
    fetch.signal?.throwIfAborted()
    if (this.#isClosed) throw closing()
    if (this.#line.size >= this.#options.maxWaiting) {
      throw new DfError('Overloaded', `${this.#line.size} fetches wait already.`)
    }
    const exchange = newExchange(fetch, this.#deps.random)
    this.#line.add(exchange)
    this.#pump()
    try {
      return await exchange.promise
    } finally {
      this.#running.delete(exchange)
      this.#pump()
    }
  }

  /** Ends all connections; what is under way is aborted. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelSweep?.()
    const exchanges = [...this.#line.all(), ...this.#running]
    for (const exchange of exchanges) {
      exchange.end({ error: closing() })
      exchange.holder?.leave(exchange)
    }
    for (const link of [...this.#links]) link.close()
    await Promise.allSettled(exchanges.map((exchange) => exchange.promise))
  }

  /** Starts what may be started. */
  #pump(): void {
    this.#line.take((exchange) => {
      if (this.#running.size >= this.#options.maxInFlight) return 'stop'
      return this.#start(exchange) ? 'taken' : 'full'
    })
  }

  /** False when all connections to its peer are busy. */
  #start(exchange: PieceExchange): boolean {
    const { peer } = exchange.fetch
    const isKept = peer.features?.keepAlive === true
    const links = isKept ? this.#linksTo(exchange) : undefined
    const link = links === undefined ? undefined : this.#leastLoaded(links)
    if (link === 'none') return false
    this.#running.add(exchange)
    if (link !== undefined) link.ask(exchange)
    else this.#dial(exchange, links)
    return true
  }

  #linksTo({ peerKey }: PieceExchange): Set<PieceLink> {
    let links = this.#kept.get(peerKey)
    if (links === undefined) {
      links = new Set()
      this.#kept.set(peerKey, links)
    }
    return links
  }

  /** The connection to use; `undefined` when a new one is better, `'none'` when the exchange has to wait. */
  #leastLoaded(links: ReadonlySet<PieceLink>): PieceLink | undefined | 'none' {
    const { connectionsPerPeer } = this.#options
    let best: PieceLink | undefined
    for (const link of links) {
      if (best === undefined || link.load < best.load) best = link
    }
    if (best === undefined || (best.load > 0 && links.size < connectionsPerPeer)) return undefined
    return this.#hasRoom(best) ? best : 'none'
  }

  #hasRoom(link: PieceLink): boolean {
    const { depth, smallDepth } = this.#options
    if (link.load < depth) return true
    return link.load < smallDepth && link.expectedBytes < smallBytes
  }

  #dial(exchange: PieceExchange, siblings: Set<PieceLink> | undefined): void {
    this.#keepWater()
    const link: PieceLink = new PieceLink(
      exchange.fetch.peer,
      {
        move: (moved) => this.#move(moved),
        freed: () => this.#pump(),
        gone: () => {
          this.#counts.receivedBytes += link.receivedBytes
          this.#links.delete(link)
          siblings?.delete(link)
          this.#pump()
        },
      },
      this.#linkDeps,
    )
    this.#counts.dialled += 1
    this.#links.add(link)
    siblings?.add(link)
    link.open(exchange)
    if (siblings !== undefined) this.#sweepLater()
  }

  #move(exchange: PieceExchange): void {
    this.#counts.moved += 1
    exchange.restart()
    this.#running.delete(exchange)
    this.#line.add(exchange)
  }

  #keepWater(): void {
    const { low, high } = this.#options.water
    if (this.#links.size < high) return
    const idle = [...this.#links].filter((link) => link.load === 0)
    idle.sort((a, b) => a.idleSinceMs - b.idleSinceMs)
    for (const link of idle.slice(0, this.#links.size - low)) link.close()
  }

  #sweepLater(): void {
    const { keepMs } = this.#options
    this.#cancelSweep ??= this.#deps.clock.schedule(keepMs / looks, () => {
      this.#cancelSweep = undefined
      const longAgoMs = this.#deps.clock.monotonic() - keepMs
      for (const [key, links] of this.#kept) {
        for (const link of [...links]) {
          if (link.load === 0 && link.idleSinceMs <= longAgoMs) link.close()
        }
        if (links.size === 0) this.#kept.delete(key)
      }
      if (this.#kept.size > 0) this.#sweepLater()
    })
  }
}

function newExchange(fetch: PieceFetch, random: Random): PieceExchange {
  const { peer, expectedLength } = fetch
  if (!Number.isSafeInteger(expectedLength) || expectedLength < 0) {
    throw new DfError('InvalidArgument', `A piece cannot have ${expectedLength} bytes.`)
  }
  const { keepAlive = false, zstd = false } = peer.features ?? {}
  const isPackedWelcome = keepAlive && zstd && isPackingAvailable
  const isBackground = fetch.isBackground === true
  const kept = keepAlive ? { isPackedWelcome, isBackground } : undefined
  const frame = encodeRequest({ ...fetch, packetId: randomInt(random, 256), kept })
  return new PieceExchange(fetch, frame, isPackedWelcome)
}

const closing = (): Error =>
  new DOMException('The connections to peers are being closed.', 'AbortError')

let sharedBuffer: Uint8Array | undefined

/** What arrives is dealt with before the next read, so all connections of a thread can share one. */
function readBufferOf(bytes: number): Uint8Array {
  if (sharedBuffer?.byteLength !== bytes) sharedBuffer = Buffer.allocUnsafeSlow(bytes)
  return sharedBuffer
}
