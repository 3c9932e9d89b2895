import { FakeClock } from '@damselfly/core/testing'
import { encodeError, encodePieceContent, type PieceSink } from '@damselfly/transport'
import { describe, expect, test } from 'vitest'
import {
  codeOf,
  content,
  fetchOf,
  ImmediateSink,
  kept,
  MemorySink,
  MiB,
  newLinks,
  piece,
  pieces,
  rawServer,
  serve,
  until,
} from './harness.ts'

const requestBytes = 75
const answer = (number: number, bytes: Uint8Array): Buffer =>
  Buffer.concat([encodePieceContent(piece(number, bytes), 'standard', 0), bytes])
/** The piece numbers of the kept requests in these bytes. */
const numbersIn = (bytes: Buffer): number[] =>
  Array.from({ length: bytes.byteLength / requestBytes }, (_, i) =>
    bytes.readUInt32BE(i * requestBytes + 70),
  )

describe('a peer that keeps connections', () => {
  test('is asked for many pieces over few connections', async () => {
    const bytes = Array.from({ length: 40 }, (_, n) => content(n * 9973, n))
    await using server = await serve(pieces(...bytes.map((b, n) => piece(n, b))))
    await using links = newLinks({ connectionsPerPeer: 2 })
    const sinks = bytes.map((_, n) => (n % 3 === 0 ? new MemorySink() : new ImmediateSink()))
    await Promise.all(
      bytes.map((b, n) => links.fetch(fetchOf(kept(server), n, b.byteLength, { sink: sinks[n]! }))),
    )
    sinks.forEach((sink, n) => {
      expect(sink.bytes.equals(bytes[n]!), `piece ${n}`).toBe(true)
    })
    expect(links.stats).toMatchObject({
      connections: 2,
      idle: 2,
      dialled: 2,
      inFlight: 0,
      moved: 0,
    })
  })

  test('large pieces, immediate and patient sinks mixed', async () => {
    const bytes = Array.from({ length: 6 }, (_, n) => content(3 * MiB + n * 1001, n))
    await using server = await serve(pieces(...bytes.map((b, n) => piece(n, b))))
    await using links = newLinks({ connectionsPerPeer: 1 })
    const sinks = bytes.map((_, n) => (n % 2 === 0 ? new MemorySink() : new ImmediateSink()))
    await Promise.all(
      bytes.map((b, n) => links.fetch(fetchOf(kept(server), n, b.byteLength, { sink: sinks[n]! }))),
    )
    sinks.forEach((sink, n) => {
      expect(sink.bytes.equals(bytes[n]!), `piece ${n}`).toBe(true)
    })
    expect(links.stats.dialled).toBe(1)
  })

  test('gets requests that come together in one write, no more than the depth', async () => {
    const asked: number[][] = []
    await using peer = await rawServer((socket) => {
      socket.on('data', (bytes) => {
        const numbers = numbersIn(bytes)
        asked.push(numbers)
        socket.write(Buffer.concat(numbers.map((n) => answer(n, content(10, n)))))
      })
    })
    await using links = newLinks({ connectionsPerPeer: 1, depth: 3, smallDepth: 3 })
    const fetches = [0, 1, 2, 3, 4].map((n) => links.fetch(fetchOf(kept(peer), n, 10)))
    expect(links.stats).toMatchObject({ inFlight: 3, waiting: 2 })
    await Promise.all(fetches)
    expect(asked).toEqual([
      [0, 1, 2],
      [3, 4],
    ])
  })

  test('answers cut into single bytes are put together', async () => {
    const bytes = Buffer.concat([0, 1, 2].map((n) => answer(n, content(50, n))))
    await using peer = await rawServer((socket) => {
      socket.once('data', async () => {
        for (const byte of bytes) {
          await new Promise((resolve) => socket.write(Uint8Array.of(byte), resolve))
        }
      })
    })
    await using links = newLinks({ connectionsPerPeer: 1 })
    const sinks = [new ImmediateSink(), new MemorySink(), new ImmediateSink()]
    await Promise.all(sinks.map((sink, n) => links.fetch(fetchOf(kept(peer), n, 50, { sink }))))
    expect(sinks.map((sink) => sink.bytes)).toEqual([0, 1, 2].map((n) => content(50, n)))
  })

  test('may lack a piece; the connection goes on', async () => {
    await using server = await serve(pieces(piece(1, content(10))))
    await using links = newLinks({ connectionsPerPeer: 1 })
    const missing = links.fetch(fetchOf(kept(server), 0, 10))
    const there = links.fetch(fetchOf(kept(server), 1, 10))
    expect(await codeOf(missing)).toBe('PieceNotFound')
    expect((await there).number).toBe(1)
    expect(links.stats.dialled).toBe(1)
  })

  test('that says it is overloaded is told apart from a lack of our own', async () => {
    await using peer = await rawServer((socket) => {
      socket.once('data', () => socket.write(encodeError(64, 'busy', 0)))
    })
    await using links = newLinks()
    const error: unknown = await links.fetch(fetchOf(kept(peer), 0, 10)).catch((e) => e)
    expect(error).toMatchObject({
      code: 'Overloaded',
      retryable: true,
      details: { frameCode: 64 },
    })
  })

  test('its other addresses and certificates are other peers', async () => {
    await using a = await serve(pieces(piece(0, content(10))))
    await using b = await serve(pieces(piece(0, content(10))))
    await using links = newLinks()
    await links.fetch(fetchOf(kept(a), 0, 10))
    await links.fetch(fetchOf(kept(b), 0, 10))
    await links.fetch(fetchOf(kept(a), 0, 10))
    expect(links.stats.dialled).toBe(2)
  })
})

describe('a connection that breaks', () => {
  test('between two pieces is not noticed by whoever fetches', async () => {
    await using peer = await rawServer((socket) => {
      socket.once('data', (bytes) => {
        socket.write(answer(numbersIn(bytes)[0]!, content(10)))
        socket.once('data', () => socket.resetAndDestroy())
      })
    })
    await using links = newLinks()
    await links.fetch(fetchOf(kept(peer), 0, 10))
    const sink = new ImmediateSink()
    expect((await links.fetch(fetchOf(kept(peer), 1, 10, { sink }))).number).toBe(1)
    expect(sink.bytes).toEqual(content(10))
    expect(links.stats).toMatchObject({ dialled: 2, moved: 1 })
  })

  test('moves those of whom no byte has come, once', async () => {
    const seen: number[][] = []
    await using peer = await rawServer((socket) => {
      const mine: number[] = []
      seen.push(mine)
      socket.on('data', (bytes) => {
        mine.push(...numbersIn(bytes))
        if (seen.length === 1) {
          if (mine.length < 3) return
          socket.write(answer(0, content(1000)).subarray(0, 500), () => socket.destroy())
          return
        }
        for (const n of numbersIn(bytes)) socket.write(answer(n, content(1000, n)))
      })
    })
    await using links = newLinks({ connectionsPerPeer: 1 })
    const [first, ...others] = await Promise.allSettled(
      [0, 1, 2].map((n) => links.fetch(fetchOf(kept(peer), n, 1000))),
    )
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'PeerUnavailable' } })
    expect(others.map((o) => o.status)).toEqual(['fulfilled', 'fulfilled'])
    expect(seen).toEqual([
      [0, 1, 2],
      [1, 2],
    ])
    expect(links.stats.moved).toBe(2)
  })

  test('again and again ends in an error', async () => {
    await using peer = await rawServer((socket) => {
      socket.on('data', (bytes) => {
        if (numbersIn(bytes).length > 1) socket.destroy()
        else socket.write(answer(0, content(10)), () => socket.destroy())
      })
    })
    await using links = newLinks({ connectionsPerPeer: 1 })
    const results = await Promise.allSettled(
      [0, 1, 2, 3].map((n) => links.fetch(fetchOf(kept(peer), n, 10))),
    )
    expect(results.every((r) => r.status === 'rejected')).toBe(true)
    expect(links.stats.dialled).toBeLessThanOrEqual(4)
    expect(links.stats).toMatchObject({ connections: 0, inFlight: 0, waiting: 0 })
  })

  test('that nobody uses is forgotten at once', async () => {
    let close = (): void => {}
    await using peer = await rawServer((socket) => {
      socket.on('data', () => socket.write(answer(0, content(10))))
      close = () => socket.end()
    })
    await using links = newLinks()
    await links.fetch(fetchOf(kept(peer), 0, 10))
    close()
    await until(() => links.stats.connections === 0)
  })

  test('bytes that nobody asked for end the connection, not the next piece', async () => {
    await using peer = await rawServer((socket) => {
      socket.on('data', (bytes) => {
        const [n] = numbersIn(bytes)
        socket.write(Buffer.concat([answer(n!, content(10)), Buffer.from('surplus')]))
      })
    })
    await using links = newLinks()
    await links.fetch(fetchOf(kept(peer), 0, 10))
    await links.fetch(fetchOf(kept(peer), 1, 10))
    expect(links.stats.dialled).toBe(2)
  })

  test('silence blames the first request only', async () => {
    let connections = 0
    await using peer = await rawServer((socket) => {
      connections += 1
      if (connections === 1) return
      socket.on('data', (bytes) => {
        for (const n of numbersIn(bytes)) socket.write(answer(n, content(10)))
      })
    })
    await using links = newLinks({ connectionsPerPeer: 1, idleMs: 30 })
    const first = links.fetch(fetchOf(kept(peer), 0, 10))
    const second = links.fetch(fetchOf(kept(peer), 1, 10))
    expect(await codeOf(first)).toBe('PeerUnavailable')
    expect((await second).number).toBe(1)
  })
})

describe('aborting', () => {
  const reason = new Error('not wanted any more')

  test('in the middle of a piece closes its connection and moves the others', async () => {
    const bytes = content(8 * MiB)
    await using server = await serve(pieces(piece(0, bytes), piece(1, bytes), piece(2, bytes)))
    await using links = newLinks({ connectionsPerPeer: 1 })
    const controller = new AbortController()
    const sink: PieceSink = { write: () => controller.abort(reason) }
    const first = links.fetch(
      fetchOf(kept(server), 0, bytes.byteLength, { sink, signal: controller.signal }),
    )
    const others = [1, 2].map((n) => links.fetch(fetchOf(kept(server), n, bytes.byteLength)))
    await expect(first).rejects.toBe(reason)
    expect((await Promise.all(others)).map((header) => header.number)).toEqual([1, 2])
    expect(links.stats).toMatchObject({ dialled: 2, moved: 2 })
  })

  test('of one that waits behind another leaves that one alone', async () => {
    const release = Promise.withResolvers<void>()
    await using peer = await rawServer((socket) => {
      socket.on('data', async (bytes) => {
        await release.promise
        for (const n of numbersIn(bytes)) socket.write(answer(n, content(10, n)))
      })
    })
    await using links = newLinks({ connectionsPerPeer: 1, depth: 2 })
    const controllers = [0, 1, 2, 3].map(() => new AbortController())
    const fetches = controllers.map(({ signal }, n) =>
      links.fetch(fetchOf(kept(peer), n, 10, { signal })),
    )
    controllers[1]?.abort(reason)
    controllers[2]?.abort(reason)
    await expect(fetches[1]).rejects.toBe(reason)
    await expect(fetches[2]).rejects.toBe(reason)
    release.resolve()
    expect((await fetches[0])?.number).toBe(0)
    expect((await fetches[3])?.number).toBe(3)
  })

  test('while it waits for its turn, it leaves the line', async () => {
    await using server = await serve(() => new Promise(() => {}))
    await using links = newLinks({ maxInFlight: 1 })
    const controller = new AbortController()
    const running = links.fetch(fetchOf({ endpoint: server.endpoint }, 0, 10))
    const { signal } = controller
    const waiting = links.fetch(fetchOf({ endpoint: server.endpoint }, 1, 10, { signal }))
    expect(links.stats.waiting).toBe(1)
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(links.stats).toMatchObject({ waiting: 0, inFlight: 1 })
    await Promise.all([
      links.close(),
      expect(running).rejects.toMatchObject({ name: 'AbortError' }),
    ])
    await expect(links.fetch(fetchOf(kept(server), 0, 10))).rejects.toThrow('being closed')
  })

  test('an error of a sink is its own, the others are moved', async () => {
    const bytes = content(MiB)
    await using server = await serve(pieces(piece(0, bytes), piece(1, bytes)))
    await using links = newLinks({ connectionsPerPeer: 1 })
    const failure = new Error('disk full')
    const sink: PieceSink = {
      write() {
        throw failure
      },
    }
    const first = links.fetch(fetchOf(kept(server), 0, MiB, { sink }))
    const second = links.fetch(fetchOf(kept(server), 1, MiB))
    await expect(first).rejects.toBe(failure)
    expect((await second).number).toBe(1)
  })
})

describe('bounds', () => {
  test('more fetches than may wait are refused', async () => {
    await using server = await serve(() => new Promise(() => {}))
    await using links = newLinks({ maxInFlight: 1, maxWaiting: 1 })
    const fetch = () => links.fetch(fetchOf(kept(server), 0, 10))
    const running = [fetch(), fetch()]
    expect(await codeOf(fetch())).toBe('Overloaded')
    const settled = Promise.allSettled(running)
    await links.close()
    await settled
  })

  test('connections that nobody uses are closed after a while', async () => {
    const clock = new FakeClock()
    await using server = await serve(pieces(piece(0, content(10))))
    await using links = newLinks({ keepMs: 1000 }, { clock })
    await links.fetch(fetchOf(kept(server), 0, 10))
    await clock.advance(900)
    expect(links.stats.connections).toBe(1)
    await clock.advance(400)
    expect(links.stats.connections).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test('too many connections: those unused for longest go first, down to the low number', async () => {
    const servers = await Promise.all(
      Array.from({ length: 5 }, () => serve(pieces(piece(0, content(10))))),
    )
    await using links = newLinks({ water: { low: 2, high: 4 } })
    for (const server of servers) await links.fetch(fetchOf(kept(server), 0, 10))
    expect(links.stats.connections).toBe(3)
    await links.fetch(fetchOf(kept(servers[4]!), 0, 10))
    expect(links.stats.dialled).toBe(5)
    await links.close()
    await Promise.all(servers.map((server) => server.stop()))
  })

  test('a sink that took its first chunk at once must not ask for time later', async () => {
    await using server = await serve(pieces(piece(0, content(MiB))))
    await using links = newLinks()
    let calls = 0
    const sink: PieceSink = {
      write() {
        calls += 1
        return calls === 1 ? undefined : Promise.resolve()
      },
    }
    expect(await codeOf(links.fetch(fetchOf(kept(server), 0, MiB, { sink })))).toBe('Internal')
  })

  test('a peer that is busy holds back nobody who wants another one', async () => {
    await using busy = await serve(() => new Promise(() => {}))
    await using good = await serve(async (_family, _id, number) => piece(number, content(10)))
    await using links = newLinks({ connectionsPerPeer: 1, depth: 2, smallDepth: 2 })
    const stuck = Array.from({ length: 10 }, (_, n) => links.fetch(fetchOf(kept(busy), n, 10)))
    const settled = Promise.allSettled(stuck)
    const fetches = Array.from({ length: 10 }, (_, n) => links.fetch(fetchOf(kept(good), n, 10)))
    expect((await Promise.all(fetches)).map(({ number }) => number)).toEqual([...Array(10).keys()])
    expect(links.stats).toMatchObject({ inFlight: 2, waiting: 8 })
    await links.close()
    await settled
  })

  test('foreground goes before background', async () => {
    const order: number[] = []
    await using server = await serve(async (_family, _id, number) => {
      order.push(number)
      return piece(number, content(10))
    })
    await using links = newLinks({ maxInFlight: 1 })
    const peer = kept(server)
    await Promise.all([
      links.fetch(fetchOf(peer, 0, 10)),
      links.fetch(fetchOf(peer, 1, 10, { isBackground: true })),
      links.fetch(fetchOf(peer, 2, 10)),
    ])
    expect(order).toEqual([0, 2, 1])
  })
})
