import { randomInt, seededRandom } from '@damselfly/core'
import { makePeerIdentity, type PeerAddress, type PieceFetch } from '@damselfly/transport'
import { expect, test } from 'vitest'
import {
  content,
  fetchOf,
  ImmediateSink,
  kept,
  MemorySink,
  newLinks,
  type PieceLog,
  piece,
  pieces,
  serve,
  until,
} from './harness.ts'

const identity = await makePeerIdentity()
const reason = new Error('changed my mind')
const failure = new Error('disk full')

/** A sink that fails after so many chunks. */
class FailingSink extends ImmediateSink {
  #left: number

  constructor(chunks: number) {
    super()
    this.#left = chunks
  }

  override write(chunk: Uint8Array): void {
    if (this.#left === 0) throw failure
    this.#left -= 1
    super.write(chunk)
  }
}

test.each([1, 2, 133, 143])(
  'whatever is aborted or fails, every other piece arrives, and nothing is left (seed %i)',
  async (seed) => {
    const random = seededRandom(seed)
    const bytes = Array.from({ length: 24 }, (_, n) =>
      content(randomInt(random, 3) === 0 ? randomInt(random, 700_000) : randomInt(random, 5000), n),
    )
    const log: PieceLog = { released: [], reads: [] }
    await using server = await serve(pieces(...bytes.map((b, n) => piece(n, b, log))), {
      compress: ({ number }) => (number % 2 === 0 ? 1 : undefined),
      secure: { listen: { host: '127.0.0.1', port: 0 }, identity },
    })
    await using links = newLinks({ connectionsPerPeer: 2, depth: 3, smallDepth: 8 })
    const { endpoint, secureEndpoint } = server
    const tls = { port: secureEndpoint?.port ?? 0, fingerprint: identity.fingerprint }
    const peers: PeerAddress[] = [
      kept(server),
      { endpoint, features: { keepAlive: true, zstd: true } },
      { endpoint, features: { keepAlive: true, tls } },
      { endpoint, features: { keepAlive: true, tls, zstd: true } },
      { endpoint },
    ]
    const one = async (): Promise<string> => {
      const number = randomInt(random, bytes.length)
      const expected = bytes[number]!
      const kind = randomInt(random, 6)
      const controller = new AbortController()
      const sink =
        kind === 0
          ? new FailingSink(randomInt(random, 4))
          : kind < 3
            ? new MemorySink()
            : new ImmediateSink()
      const options: Partial<PieceFetch> = { sink, signal: controller.signal }
      const peer = peers[randomInt(random, peers.length)]!
      const fetched = links.fetch(fetchOf(peer, number, expected.byteLength, options))
      if (kind === 5) {
        for (let turns = randomInt(random, 12); turns > 0; turns--) {
          await new Promise((resolve) => setImmediate(resolve))
        }
        controller.abort(reason)
      }
      try {
        await fetched
        expect(sink.bytes.equals(expected)).toBe(true)
        return 'arrived'
      } catch (error) {
        if (error === reason || error === failure) return 'as wished'
        throw error
      }
    }
    const workers = Array.from({ length: 24 }, async () => {
      for (let i = 0; i < 25; i++) await one()
    })
    await Promise.all(workers)
    expect(links.stats).toMatchObject({ inFlight: 0, waiting: 0 })
    await links.close()
    await until(() => server.connections === 0)
    expect(server.pool.stats).toMatchObject({ inUse: 0, waiting: 0 })
  },
)
