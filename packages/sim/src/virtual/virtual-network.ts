import type { Endpoint, Random } from '@damselfly/core'
import { Line, type Parcel, type Road } from './line.ts'
import type { Trace } from './trace.ts'
import { VirtualHost } from './virtual-host.ts'
import type { VirtualSocket } from './virtual-socket.ts'
import type { VirtualTime } from './virtual-time.ts'

export interface VirtualNetworkOptions {
  /** One way between two hosts, milliseconds; each parcel takes up to half as much again. */
  readonly latencyMs: number
  /** Connections to this port carry pieces: their bytes take time and can be damaged. */
  readonly dataPort: number
}

export interface VirtualNetworkDeps {
  readonly time: VirtualTime
  readonly random: Random
  readonly trace: Trace
}

/** A connection that is not answered is tried again this often. */
const synRetryMs = 1_000

/**
 * Hosts and what joins them, in memory. Connections behave as TCP does: bytes arrive in order or not at all, what cannot pass waits
 * and is sent again, a host without power says nothing, one that lives refuses what it does not know.
 */
export class VirtualNetwork implements Road {
  readonly #options: VirtualNetworkOptions
  readonly #deps: VirtualNetworkDeps
  /** The present life of each address. */
  readonly #hosts = new Map<string, VirtualHost>()
  /** How many cuts keep a pair from reaching each other. */
  readonly #cuts = new Map<string, number>()
  /** Pairs whose parcels take longer, by factor. */
  readonly #slow = new Map<string, number>()
  /** The chance that a parcel of pieces from this address comes with a wrong bit. */
  readonly #flips = new Map<string, number>()
  /** Senders whose bytes a dead host has not acknowledged. */
  readonly #unheard = new Map<string, Set<VirtualSocket>>()
  readonly #heldUp = new Set<Line>()

  constructor(options: VirtualNetworkOptions, deps: VirtualNetworkDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** Switches a host on; one that was there before has to be down. */
  boot(address: string): VirtualHost {
    const host = new VirtualHost(address, this)
    this.#hosts.set(address, host)
    const unheard = this.#unheard.get(address) ?? []
    this.#unheard.delete(address)
    for (const socket of unheard) this.#later(1, () => this.#reset(socket))
    return host
  }

  cut(a: string, b: string): void {
    const key = pair(a, b)
    this.#cuts.set(key, (this.#cuts.get(key) ?? 0) + 1)
  }

  /** Takes one cut back. What was held up travels on when it was the last. */
  heal(a: string, b: string): void {
    const key = pair(a, b)
    const left = (this.#cuts.get(key) ?? 0) - 1
    if (left > 0) this.#cuts.set(key, left)
    else this.#cuts.delete(key)
    for (const line of [...this.#heldUp]) {
      if (this.isCut(line.from.host.address, line.to.host.address)) continue
      this.#heldUp.delete(line)
      for (const parcel of line.held.splice(0)) this.carry(line, parcel)
    }
  }

  isCut(a: string, b: string): boolean {
    return this.#cuts.has(pair(a, b))
  }

  /** 1 is the usual latency. */
  slow(a: string, b: string, factor: number): void {
    if (factor === 1) this.#slow.delete(pair(a, b))
    else this.#slow.set(pair(a, b), factor)
  }

  /** Pieces that leave the host have wrong bits with this chance per parcel; 0 ends that. */
  flip(address: string, chance: number): void {
    if (chance === 0) this.#flips.delete(address)
    else this.#flips.set(address, chance)
  }

  /** Breaks every connection between two hosts. */
  breakConnections(a: string, b: string): void {
    for (const socket of [...(this.#hosts.get(a)?.sockets ?? [])]) {
      if (socket.remoteAddress === b && a !== b) this.#reset(socket)
    }
  }

  /** Milliseconds that a parcel takes now. */
  latency(a: string, b: string): number {
    if (a === b) return 1
    const factor = this.#slow.get(pair(a, b)) ?? 1
    return this.#options.latencyMs * factor * (1 + this.#deps.random.next() / 2)
  }

  dial(socket: VirtualSocket, endpoint: Endpoint, localPort: number): void {
    const { host } = socket
    const to = 'path' in endpoint ? host.address : endpoint.host
    const at = 'path' in endpoint ? endpoint.path : endpoint.port
    const attempt = (): void => {
      if (socket.destroyed) return
      const other = this.#hosts.get(to)
      if (host.isDown) socket.destroy(failure('ENETUNREACH', to))
      else if (other === undefined) socket.destroy(failure('EHOSTUNREACH', to))
      else if (other.isDown || this.isCut(host.address, to)) this.#later(synRetryMs, attempt)
      else this.#answer(socket, other, { at, localPort })
    }
    this.#later(2 * this.latency(host.address, to), attempt)
  }

  carry(line: Line, parcel: Parcel): void {
    const { time } = this.#deps
    const { from, to } = line
    time.touch()
    if (line.held.length > 0) {
      line.held.push(parcel)
      return
    }
    const now = time.monotonic()
    const bytes = typeof parcel === 'string' ? 0 : parcel.byteLength
    const leftMs = line.isData ? leave(from.host, now, bytes) : now
    const due = leftMs + this.latency(from.host.address, to.host.address)
    line.lastDueMs = Math.max(Math.ceil(due), line.lastDueMs)
    this.#later(line.lastDueMs - now, () => this.#arrive(line, parcel))
  }

  #arrive(line: Line, parcel: Parcel): void {
    const { from, to } = line
    const { trace, time } = this.#deps
    time.touch()
    if (line.held.length > 0 || this.isCut(from.host.address, to.host.address)) {
      line.held.push(parcel)
      this.#heldUp.add(line)
      return
    }
    const kind = typeof parcel === 'string' ? parcel : line.isData ? 'data' : 'call'
    trace.note(kind, from.host.address, to.host.address, line.isData ? sizeOf(parcel) : 0)
    if (to.host.isDown) this.#arriveNowhere(from, to)
    else if (parcel === 'end' || parcel === 'close') to.arriveEnd()
    else if (parcel === 'reset') this.#reset(to)
    else if (!to.arrive(this.#perhapsFlipped(line, parcel))) this.#refuse(from, to)
  }

  /** The host is dead; should it live again by then, it knows nothing of this connection. */
  #arriveNowhere(from: VirtualSocket, to: VirtualSocket): void {
    const { address } = to.host
    const now = this.#hosts.get(address)
    if (now !== undefined && !now.isDown) this.#refuse(from, to)
    else if (!from.destroyed) {
      const unheard = this.#unheard.get(address) ?? new Set()
      this.#unheard.set(address, unheard.add(from))
    }
  }

  #refuse(from: VirtualSocket, to: VirtualSocket): void {
    if (from.destroyed) return
    this.#later(this.latency(from.host.address, to.host.address), () => this.#reset(from))
  }

  #reset(socket: VirtualSocket): void {
    if (socket.destroyed || socket.host.isDown) return
    this.#deps.time.touch()
    socket.destroy(failure('ECONNRESET', socket.remoteAddress ?? ''))
  }

  #answer(
    client: VirtualSocket,
    host: VirtualHost,
    { at, localPort }: { at: string | number; localPort: number },
  ): void {
    const { trace } = this.#deps
    const listener = host.listener(at)
    trace.note(
      listener === undefined ? 'refused' : 'connect',
      client.host.address,
      host.address,
      at,
    )
    if (listener === undefined) {
      client.destroy(failure('ECONNREFUSED', `${host.address}:${at}`))
      return
    }
    const server = host.newSocket(listener.allowHalfOpen)
    const isData = at === this.#options.dataPort
    const there = new Line({ from: client, to: server, isData }, this)
    const back = new Line({ from: server, to: client, isData }, this)
    const near = { address: client.host.address, port: localPort }
    const far = { address: host.address, port: typeof at === 'number' ? at : 0 }
    server.established({ local: far, remote: near, out: back, in: there })
    listener.accept(server)
    client.established({ local: near, remote: far, out: there, in: back })
    client.emit('connect')
  }

  #perhapsFlipped(line: Line, bytes: Uint8Array): Uint8Array {
    const { random, trace } = this.#deps
    const chance = line.isData ? (this.#flips.get(line.from.host.address) ?? 0) : 0
    if (chance === 0 || random.next() >= chance) return bytes
    const copy = Uint8Array.from(bytes)
    const at = Math.floor(random.next() * copy.byteLength)
    copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(random.next() * 8))
    trace.note('flip', line.from.host.address, line.to.host.address, at)
    return copy
  }

  #later(ms: number, fn: () => void): void {
    this.#deps.time.schedule(ms, fn)
  }
}

/** When the bytes are on their way: what leaves a host leaves one after the other. */
function leave({ uplink }: VirtualHost, nowMs: number, bytes: number): number {
  const doneMs = Math.max(nowMs, uplink.busyUntilMs) + bytes / uplink.bytesPerMs
  uplink.busyUntilMs = doneMs
  return doneMs
}

const sizeOf = (parcel: Parcel): number => (typeof parcel === 'string' ? 0 : parcel.byteLength)

const pair = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`)

const failure = (code: string, where: string): Error =>
  Object.assign(new Error(`${code} ${where}`), { code })
