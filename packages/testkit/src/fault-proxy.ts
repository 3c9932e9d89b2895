import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { type Running, ServiceStack } from '@damselfly/core'
import { type Corruption, type Direction, LinkControls } from './link-controls.ts'
import { LinkPump } from './link-pump.ts'

export interface FaultProxyOptions {
  target: { host: string; port: number }
  /** Default 127.0.0.1. */
  listenHost?: string
  /**
   * Bytes that may wait per direction of a connection before its sender is held back. With a delay, no more than
   * this flows per delay. Default 1 MiB.
   */
  queueBytes?: number
}

/**
 * A TCP proxy that harms what passes. Every control acts at once, on live and on later connections. A FIN is passed
 * on in its place in the stream, the other direction keeps flowing; a reset of one side resets the other.
 */
export interface FaultProxy extends Running {
  readonly host: string
  readonly port: number
  /** Number of live connections. */
  readonly connections: number
  /** Bytes passed on, over all connections. */
  readonly totals: Readonly<Record<Direction, number>>
  /** Each byte, and the end of a stream, arrives that much later; a round trip takes twice as long. 0 = off. */
  setDelay(ms: number): void
  /** Limits each direction; all connections share the rate. */
  setThrottle(bytesPerSec: number | undefined): void
  /** Resets all live connections. */
  cut(): void
  /** Accepts new connections only to reset them. */
  refuse(on: boolean): void
  /** Keeps connections open and accepts new ones, but nothing, not even an end, gets through until it is off. */
  blackHole(on: boolean): void
  /** Changes bytes in flight; one setting per direction, `undefined` ends both. */
  corrupt(corruption: Corruption | undefined): void
  /**
   * Resets a connection after it has passed that many bytes on in that direction (default `fromTarget`), counted
   * from now or, for later connections, from their start. `undefined` = off.
   */
  cutAfter(bytes: number | undefined, direction?: Direction): void
  /** Resolves when no connection is live. */
  idle(): Promise<void>
}

/** Starts a proxy in front of `target`, which need not listen yet. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const host = options.listenHost ?? '127.0.0.1'
  const controls = new LinkControls(options.queueBytes ?? 1024 * 1024)
  const links = new Links()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (controls.isRefusing) {
      client.on('error', () => {})
      client.resetAndDestroy()
    } else links.add(new Link(client, options.target, controls))
  })
  server.listen(0, host)
  await once(server, 'listening')
  const stack = new ServiceStack()
  server.on('error', (error) => stack.fail(error))
  stack.push('fault proxy', () => closeServer(server, links))
  const { port } = server.address() as AddressInfo
  return proxyOf({ host, port }, controls, links, stack.toRunning())
}

function proxyOf(
  address: { host: string; port: number },
  controls: LinkControls,
  links: Links,
  running: Running,
): FaultProxy {
  const change = (apply: () => void): void => {
    apply()
    links.each((link) => link.advance())
  }
  return {
    ...running,
    ...address,
    totals: controls.totals,
    get connections() {
      return links.size
    },
    setDelay: (ms) =>
      change(() => {
        controls.delayMs = ms
      }),
    setThrottle: (bytesPerSec) => change(() => controls.throttle(bytesPerSec)),
    cut: () => links.each((link) => link.reset()),
    refuse: (on) => {
      controls.isRefusing = on
    },
    blackHole: (on) =>
      change(() => {
        controls.isBlackHole = on
      }),
    corrupt: (corruption) => controls.corrupt(corruption),
    cutAfter: (bytes, direction = 'fromTarget') => controls.cutAfter(bytes, direction),
    idle: () => links.idle(),
  }
}

/** The live connections. */
class Links {
  readonly #live = new Set<Link>()
  #waiters: (() => void)[] = []

  get size(): number {
    return this.#live.size
  }

  add(link: Link): void {
    this.#live.add(link)
    link.onClosed = () => {
      this.#live.delete(link)
      if (this.#live.size === 0) for (const wake of this.#waiters.splice(0)) wake()
    }
    link.advance()
  }

  each(act: (link: Link) => void): void {
    for (const link of [...this.#live]) act(link)
  }

  async idle(): Promise<void> {
    if (this.#live.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiters.push(resolve)
    await promise
  }
}

/** One accepted connection and the one to the target that it is joined with. */
class Link {
  onClosed: () => void = () => {}
  readonly #client: Socket
  readonly #controls: LinkControls
  readonly #target: { host: string; port: number }
  #upstream: Socket | undefined
  #pumps: LinkPump[] = []
  /** One side is gone in disorder; the other learns it as soon as something gets through. */
  #isBroken = false

  constructor(client: Socket, target: { host: string; port: number }, controls: LinkControls) {
    this.#client = client
    this.#target = target
    this.#controls = controls
    this.#watch(client)
  }

  /** Goes on with whatever the controls now allow. */
  advance(): void {
    if (this.#controls.isBlackHole) return
    if (this.#isBroken) this.reset()
    else if (this.#upstream === undefined) this.#connect()
    else for (const pump of this.#pumps) pump.advance()
  }

  reset(): void {
    for (const pump of this.#pumps) pump.abandon()
    this.#client.resetAndDestroy()
    // While it is connecting, this waits: the target may already have accepted, and is to see a reset.
    this.#upstream?.resetAndDestroy()
    this.#closeIfDone()
  }

  /** Like `reset`, but does not wait for a target that may never answer. */
  drop(): void {
    this.reset()
    this.#upstream?.destroy()
  }

  /** The target is asked only now, so that a black hole hides the connection from it too. */
  #connect(): void {
    const upstream = connect({ ...this.#target, allowHalfOpen: true, noDelay: true })
    this.#upstream = upstream
    this.#watch(upstream)
    upstream.once('connect', () => {
      const client = this.#client
      const common = { controls: this.#controls, onCut: () => this.reset() }
      this.#pumps = [
        new LinkPump({ ...common, direction: 'toTarget', from: client, to: upstream }),
        new LinkPump({ ...common, direction: 'fromTarget', from: upstream, to: client }),
      ]
    })
  }

  #watch(socket: Socket): void {
    // The error itself is of no interest: `close` follows and says whether there was one.
    socket.on('error', () => {})
    socket.once('close', (hadError) => {
      if (hadError || !socket.readableEnded || !socket.writableFinished) this.#isBroken = true
      this.#closeIfDone()
      if (this.#isBroken) this.advance()
    })
  }

  #closeIfDone(): void {
    if (this.#client.closed && this.#upstream?.closed !== false) this.onClosed()
  }
}

async function closeServer(server: Server, links: Links): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  links.each((link) => link.drop())
  await closed
}
