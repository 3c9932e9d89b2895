import { type Clock, DfError, type Random, seededRandom, sleep } from '@damselfly/core'
import type {
  Source,
  SourceBody,
  SourceReadOptions,
  SourceRequest,
  SourceStat,
} from '@damselfly/sources'
import type { Trace } from './trace.ts'
import type { VirtualHost } from './virtual-host.ts'
import type { VirtualNetwork } from './virtual-network.ts'

export const originScheme = 'sim'
/** Where it is in the network. */
export const originAddress = 'origin'

/** How the origin fails. `refuse` and `error` answer 403 and 503, `cut` breaks bodies off half-way. */
export type OriginFault = 'refuse' | 'error' | 'cut' | 'slow' | 'ignoreRanges'

export interface OriginRead {
  readonly path: string
  readonly address: string
  readonly version: number
  readonly atMs: number
  /** Bytes of the body that have left the origin. */
  bytes: number
}

export interface OriginFailure {
  readonly path: string
  readonly address: string
  readonly atMs: number
}

export interface VirtualOriginOptions {
  /** Of each answer. */
  readonly bytesPerMs: number
}

export interface VirtualOriginDeps {
  readonly clock: Clock
  readonly random: Random
  readonly network: VirtualNetwork
  readonly trace: Trace
}

const chunkBytes = 8 * 1024
/** While it is slow. */
const slowBytesPerMs = 20
/** As the http source's: an origin that says nothing for so long has failed. */
const patienceMs = 30_000
const pollMs = 500

/** Contents by path, which change and fail as they are told to; every byte that leaves is counted. */
export class VirtualOrigin {
  readonly #options: VirtualOriginOptions
  readonly #deps: VirtualOriginDeps
  readonly #lengths = new Map<string, number>()
  readonly #versions = new Map<string, number>()
  readonly #faults = new Map<string, OriginFault>()
  readonly reads: OriginRead[] = []
  readonly failures: OriginFailure[] = []

  constructor(options: VirtualOriginOptions, deps: VirtualOriginDeps) {
    this.#options = options
    this.#deps = deps
  }

  add(path: string, length: number): void {
    this.#lengths.set(path, length)
    this.#versions.set(path, 1)
  }

  /** From now on the path has other bytes, as many as before. */
  change(path: string): void {
    this.#versions.set(path, this.version(path) + 1)
  }

  version(path: string): number {
    return this.#versions.get(path) ?? 1
  }

  fail(path: string, fault: OriginFault | undefined): void {
    if (fault === undefined) this.#faults.delete(path)
    else this.#faults.set(path, fault)
  }

  /** The bytes of a version. */
  content(path: string, version: number): Uint8Array {
    return contentOf(path, version, this.#lengths.get(path) ?? 0)
  }

  /** What the daemon of a host asks. */
  source(host: VirtualHost, clock: Clock): Source {
    const stat = async (
      { url }: SourceRequest,
      { signal }: { signal?: AbortSignal },
    ): Promise<SourceStat> => {
      await this.#reach(host, url.pathname, clock, signal)
      return this.#stat(url.pathname)
    }
    return {
      schemes: [originScheme],
      stat,
      read: async (request, options) => {
        const said = await stat(request, options)
        return this.#body(host, request.url.pathname, { ...options, said, clock })
      },
      close: async () => {},
    }
  }

  #stat(path: string): SourceStat {
    return {
      contentLength: this.#lengths.get(path),
      header: { etag: `"${this.version(path)}"`, 'accept-ranges': 'bytes' },
    }
  }

  /** A round trip, or as long as the way is cut. */
  async #reach(
    host: VirtualHost,
    path: string,
    clock: Clock,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { network, trace } = this.#deps
    await sleep(clock, 2 * network.latency(host.address, originAddress), signal)
    await this.#passable(host, path, clock, signal)
    trace.note('ask', host.address, originAddress, path)
    const fault = this.#faults.get(path)
    if (fault !== 'refuse' && fault !== 'error') return
    this.#noteFailure(host, path)
    if (fault === 'error') throw unavailable('The origin answered 503.')
    throw new DfError('SourceRefused', 'The origin answered 403.', {
      details: { statusCode: 403, header: {} },
    })
  }

  async #passable(
    host: VirtualHost,
    path: string,
    clock: Clock,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { network } = this.#deps
    for (let waited = 0; host.isDown || network.isCut(host.address, originAddress); ) {
      waited += pollMs
      if (waited > patienceMs) {
        this.#noteFailure(host, path)
        throw unavailable(`The origin said nothing for ${patienceMs} ms.`)
      }
      await sleep(clock, pollMs, signal)
    }
  }

  #body(
    host: VirtualHost,
    path: string,
    { range, expect, said, clock, signal }: SourceReadOptions & { said: SourceStat; clock: Clock },
  ): SourceBody {
    if (expect !== undefined && expect.header.etag !== said.header.etag) {
      throw new DfError('SourceChanged', `${path} has changed.`)
    }
    const version = this.version(path)
    const whole = this.content(path, version)
    const isWhole = range === undefined || this.#faults.get(path) === 'ignoreRanges'
    const start = isWhole ? 0 : range.start
    const end = isWhole ? whole.byteLength : Math.min(range.start + range.length, whole.byteLength)
    const read = { path, address: host.address, version, atMs: clock.monotonic(), bytes: 0 }
    this.reads.push(read)
    this.#deps.trace.note(
      'read',
      host.address,
      originAddress,
      `${path} v${version} ${start}-${end}`,
    )
    const bytes = this.#send(host, read, { content: whole.subarray(start, end), clock, signal })
    return { start, contentLength: whole.byteLength, header: said.header, bytes }
  }

  async *#send(
    host: VirtualHost,
    read: OriginRead,
    {
      content,
      clock,
      signal,
    }: { content: Uint8Array; clock: Clock; signal?: AbortSignal | undefined },
  ): AsyncGenerator<Uint8Array> {
    const { random } = this.#deps
    const cutAt = Math.floor(content.byteLength * random.next())
    for (let at = 0; at < content.byteLength; at += chunkBytes) {
      const fault = this.#faults.get(read.path)
      const bytesPerMs = fault === 'slow' ? slowBytesPerMs : this.#options.bytesPerMs
      const chunk = content.subarray(at, at + chunkBytes)
      await sleep(clock, chunk.byteLength / bytesPerMs, signal)
      await this.#passable(host, read.path, clock, signal)
      if (fault === 'cut' && at + chunkBytes > cutAt) {
        this.#noteFailure(host, read.path)
        throw unavailable('The origin broke off.')
      }
      read.bytes += chunk.byteLength
      yield chunk
    }
  }

  #noteFailure({ address }: VirtualHost, path: string): void {
    const { clock, trace } = this.#deps
    this.failures.push({ path, address, atMs: clock.monotonic() })
    trace.note('failure', originAddress, address, path)
  }
}

const contents = new Map<string, Uint8Array>()
const maxContents = 64

/** Bytes that nothing else has: of another version, or another place, they differ. */
function contentOf(path: string, version: number, length: number): Uint8Array {
  const key = `${path} ${version} ${length}`
  const known = contents.get(key)
  if (known !== undefined) return known
  const random = seededRandom([...key].reduce((sum, c) => Math.imul(sum, 31) + c.charCodeAt(0), 7))
  const words = new Uint32Array(Math.ceil(length / 4))
  for (let at = 0; at < words.length; at++) words[at] = random.next() * 0x1_0000_0000
  const bytes = new Uint8Array(words.buffer, 0, length)
  if (contents.size >= maxContents) contents.clear()
  contents.set(key, bytes)
  return bytes
}

const unavailable = (message: string): DfError => new DfError('SourceUnavailable', message)
