import { expect, test } from 'vitest'
import { startFaultProxy } from '../src/index.ts'
import { dial, type Peer, startTarget } from './tcp-peers.ts'

const echo = ({ socket }: Peer): void => {
  socket.on('data', (chunk) => socket.write(chunk))
  socket.on('end', () => socket.end())
}

test('setDelay: bytes and the end arrive later, until it is taken away', async () => {
  await using target = await startTarget(echo)
  await using proxy = await startFaultProxy({ target })
  using client = await dial(proxy.port)
  await target.next()
  proxy.setDelay(60)
  const startedAt = performance.now()
  client.socket.write('ping')
  await client.receives(4)
  expect(performance.now() - startedAt).toBeGreaterThan(115)
  client.socket.end()
  await client.end()
  expect(performance.now() - startedAt).toBeGreaterThan(230)
})

test('setDelay: what waits is released when the delay becomes shorter', async () => {
  await using target = await startTarget(echo)
  await using proxy = await startFaultProxy({ target })
  proxy.setDelay(3_600_000)
  using client = await dial(proxy.port)
  await target.next()
  client.socket.write('ping')
  await client.staysSilent(30)
  proxy.setDelay(0)
  expect((await client.receives(4)).toString()).toBe('ping')
})

test('setThrottle: the rate is shared by all connections, in each direction', async () => {
  await using target = await startTarget(({ socket }) => socket.write(Buffer.alloc(20_000)))
  await using proxy = await startFaultProxy({ target })
  proxy.setThrottle(100_000)
  const startedAt = performance.now()
  using one = await dial(proxy.port)
  using two = await dial(proxy.port)
  await one.receives(10_000)
  expect(two.receivedBytes).toBeGreaterThan(1_000)
  await Promise.all([one.receives(20_000), two.receives(20_000)])
  expect(performance.now() - startedAt).toBeGreaterThan(350)
})

test('setThrottle: a new rate holds at once', async () => {
  await using target = await startTarget(echo)
  await using proxy = await startFaultProxy({ target })
  proxy.setThrottle(1)
  using client = await dial(proxy.port)
  client.socket.write(Buffer.alloc(1_000_000))
  await (await target.next()).receives(1)
  expect(proxy.totals.toTarget).toBe(1)
  proxy.setThrottle(undefined)
  await client.receives(1_000_000)
})

test('cut: all live connections are reset, later ones work', async () => {
  await using target = await startTarget(echo)
  await using proxy = await startFaultProxy({ target })
  using one = await dial(proxy.port)
  using two = await dial(proxy.port)
  const servers = [await target.next(), await target.next()]
  expect(proxy.connections).toBe(2)
  proxy.cut()
  for (const peer of [one, two, ...servers]) expect(await peer.ended).toBe('ECONNRESET')
  await proxy.idle()
  using three = await dial(proxy.port)
  three.socket.write('ping')
  await three.receives(4)
})

test('cut: a connection with bytes that its receiver does not take is reset too', async () => {
  await using target = await startTarget(({ socket }) => socket.pause())
  await using proxy = await startFaultProxy({ target })
  using client = await dial(proxy.port)
  await target.next()
  client.socket.write(Buffer.alloc(64 * 2 ** 20))
  await client.staysSilent(50)
  proxy.cut()
  expect(['ECONNRESET', 'EPIPE']).toContain(await client.ended)
  await proxy.idle()
})

test('refuse: new connections are reset, live ones go on', async () => {
  await using target = await startTarget(echo)
  await using proxy = await startFaultProxy({ target })
  using live = await dial(proxy.port)
  await target.next()
  proxy.refuse(true)
  using refused = await dial(proxy.port)
  expect(await refused.ended).toBe('ECONNRESET')
  live.socket.write('ping')
  await live.receives(4)
  expect(target.accepted).toBe(1)
  proxy.refuse(false)
  using later = await dial(proxy.port)
  later.socket.write('ping')
  await later.receives(4)
})

test('blackHole: live connections stay open but silent, and resume without loss', async () => {
  await using target = await startTarget(echo)
  await using proxy = await startFaultProxy({ target })
  using client = await dial(proxy.port)
  const server = await target.next()
  proxy.blackHole(true)
  client.socket.end('ping')
  await client.staysSilent(60)
  expect(server.receivedBytes).toBe(0)
  expect(server.hasEnd).toBe(false)
  expect(proxy.connections).toBe(1)
  proxy.blackHole(false)
  await client.end()
  expect(client.received.toString()).toBe('ping')
})

test('blackHole: new connections are accepted and reach the target only afterwards', async () => {
  await using target = await startTarget(echo)
  await using proxy = await startFaultProxy({ target })
  proxy.blackHole(true)
  using client = await dial(proxy.port)
  client.socket.write('ping')
  await client.staysSilent(60)
  expect(target.accepted).toBe(0)
  proxy.blackHole(false)
  expect((await client.receives(4)).toString()).toBe('ping')
})

test('blackHole: the loss of one side is hidden from the other', async () => {
  await using target = await startTarget()
  await using proxy = await startFaultProxy({ target })
  using client = await dial(proxy.port)
  const server = await target.next()
  proxy.blackHole(true)
  server.socket.resetAndDestroy()
  await client.staysSilent(60)
  proxy.blackHole(false)
  expect(await client.ended).toBe('ECONNRESET')
})

test('corrupt: one byte of one direction is changed, in each connection', async () => {
  await using target = await startTarget(echo)
  await using proxy = await startFaultProxy({ target })
  proxy.corrupt({ direction: 'toTarget', atByte: 3, xor: 0x01 })
  for (let round = 0; round < 2; round++) {
    using client = await dial(proxy.port)
    client.socket.write('aaa')
    await client.receives(3)
    client.socket.write('aaa')
    expect((await client.receives(6)).toString()).toBe('aaa`aa')
  }
})

test('corrupt: every nth byte is changed, a limited number of times', async () => {
  await using target = await startTarget(echo)
  await using proxy = await startFaultProxy({ target })
  proxy.corrupt({ direction: 'fromTarget', everyNth: 4, xor: 0x01, times: 3 })
  using client = await dial(proxy.port)
  for (const part of ['aaaaa', 'aa', 'aaaaaaaaaaa']) {
    const before = client.receivedBytes
    client.socket.write(part)
    await client.receives(before + part.length)
  }
  expect(client.received.toString()).toBe('aaa`aaa`aaa`aaaaaa')
})

test('corrupt: it ends when it is taken away', async () => {
  await using target = await startTarget(echo)
  await using proxy = await startFaultProxy({ target })
  proxy.corrupt({ direction: 'toTarget', everyNth: 1 })
  proxy.corrupt({ direction: 'fromTarget', everyNth: 1, xor: 0x0f })
  using client = await dial(proxy.port)
  client.socket.write(Buffer.from([0x00]))
  expect(await client.receives(1)).toEqual(Buffer.from([0xf0]))
  proxy.corrupt(undefined)
  client.socket.write(Buffer.from([0x00]))
  expect(await client.receives(2)).toEqual(Buffer.from([0xf0, 0x00]))
})

test('cutAfter: a connection is reset after exactly so many bytes', async () => {
  await using target = await startTarget(({ socket }) => socket.write(Buffer.alloc(500_000)))
  await using proxy = await startFaultProxy({ target })
  proxy.cutAfter(123_456)
  for (let round = 0; round < 2; round++) {
    using client = await dial(proxy.port)
    expect(await client.ended).toBe('ECONNRESET')
    expect(client.receivedBytes).toBe(123_456)
  }
  proxy.cutAfter(undefined)
  using client = await dial(proxy.port)
  await client.receives(500_000)
})

test('cutAfter: on a live connection it counts from the call, in the direction asked for', async () => {
  await using target = await startTarget()
  await using proxy = await startFaultProxy({ target })
  using client = await dial(proxy.port)
  const server = await target.next()
  client.socket.write(Buffer.alloc(100))
  await server.receives(100)
  proxy.cutAfter(50, 'toTarget')
  client.socket.write(Buffer.alloc(100))
  expect(await server.ended).toBe('ECONNRESET')
  expect(server.receivedBytes).toBe(150)
})
