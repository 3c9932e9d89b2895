import type { MessageInitShape } from '@bufbuild/protobuf'
import { type DescribeResponse, type DescribeResponseSchema, Peer } from '@damselfly/api/peer'
import { type Clock, DfError, deadline, isDfError, linkSignals, SharedJob } from '@damselfly/core'
import type { ChannelPool, RpcChannel, ServiceImpl } from '@damselfly/rpc'
import type { PeerFeatures } from '@damselfly/transport'

/** damselfly.v1.Peer/Describe of this host; the features are read at each call. */
export function describePeer(
  features: PeerFeatures & { readonly tlsRequired?: boolean },
): ServiceImpl<typeof Peer>['describe'] {
  return (): MessageInitShape<typeof DescribeResponseSchema> => ({
    keepAlive: features.keepAlive,
    tlsPort: features.tls?.port ?? 0,
    tlsFingerprint: Uint8Array.from(Buffer.from(features.tls?.fingerprint ?? '', 'hex')),
    tlsRequired: features.tlsRequired ?? false,
    zstd: features.zstd ?? false,
  })
}

export type { PeerFeatures } from '@damselfly/transport'

export interface PeerDirectoryDeps {
  readonly channels: Pick<ChannelPool, 'acquire'>
  readonly clock: Clock
}

const keepMs = 60_000
const answerWaitMs = 2_000
const maxPeers = 10_000
const fingerprintBytes = 32

/** What other hosts offer, asked once a minute unless it is forgotten before. */
export class PeerDirectory {
  readonly #deps: PeerDirectoryDeps
  /** By control address, in the order they were asked. */
  readonly #known = new Map<string, Known>()

  constructor(deps: PeerDirectoryDeps) {
    this.#deps = deps
  }

  /**
   * What the peer offers; `undefined` for one of Dragonfly's, which does not know the question. Those who ask at the same time
   * share one question; a failure is theirs and is not remembered. Throws `Timeout` after two seconds, the errors of a call to
   * a peer, and the signal's reason.
   */
  async describe(
    control: { readonly host: string; readonly port: number },
    signal: AbortSignal,
  ): Promise<PeerFeatures | undefined> {
    signal.throwIfAborted()
    using lease = this.#deps.channels.acquire(control)
    const key = keyOf(control)
    const known = this.#known.get(key)
    const isGood =
      known?.channel === lease.channel &&
      known.until > this.#deps.clock.monotonic() &&
      known.answer.isJoinable
    const { answer } = isGood ? known : this.#ask(key, lease.channel)
    try {
      return await answer.join(signal)
    } catch (error) {
      if (!signal.aborted && this.#known.get(key)?.answer === answer) this.#known.delete(key)
      throw error
    }
  }

  /** What the peer said does not hold, say its certificate is another one: the next to want it asks again. */
  forget(control: { readonly host: string; readonly port: number }): void {
    this.#known.delete(keyOf(control))
  }

  #ask(key: string, channel: RpcChannel): Known {
    const { clock } = this.#deps
    const [oldest] = this.#known.keys()
    this.#known.delete(key)
    if (oldest !== undefined && this.#known.size >= maxPeers) this.#known.delete(oldest)
    const answer = new SharedJob((signal) => ask(channel, key, clock, signal))
    const asked = { channel, until: clock.monotonic() + keepMs, answer }
    this.#known.set(key, asked)
    return asked
  }
}

interface Known {
  /** A host that comes back after a while may be another one: it has another channel then. */
  readonly channel: RpcChannel
  /** Monotonic time. */
  readonly until: number
  readonly answer: SharedJob<PeerFeatures | undefined>
}

const keyOf = ({ host, port }: { readonly host: string; readonly port: number }): string =>
  `${host}:${port}`

async function ask(
  channel: RpcChannel,
  where: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<PeerFeatures | undefined> {
  using limit = deadline(clock, answerWaitMs, () => late(where))
  using linked = linkSignals(signal, limit.signal)
  try {
    return fromWire(await channel.client(Peer).describe({}, { signal: linked.signal }))
  } catch (error) {
    if (isDfError(error, 'Unimplemented')) return undefined
    throw error
  }
}

/** TLS that is offered without a certificate to recognise it by is none. */
function fromWire({ keepAlive, tlsPort, tlsFingerprint, zstd }: DescribeResponse): PeerFeatures {
  const hasTls = tlsPort > 0 && tlsPort <= 65_535 && tlsFingerprint.byteLength === fingerprintBytes
  const fingerprint = Buffer.from(tlsFingerprint).toString('hex')
  return { keepAlive, zstd, ...(hasTls ? { tls: { port: tlsPort, fingerprint } } : {}) }
}

const late = (where: string): DfError =>
  new DfError('Timeout', `The peer at ${where} did not describe itself within 2 s.`)
