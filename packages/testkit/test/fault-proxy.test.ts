import { expect, test } from 'vitest'
import { generatedBytes, startFaultProxy, startOrigin } from '../src/index.ts'
import { get } from './http-client.ts'
import { dial, type Peer, startTarget } from './tcp-peers.ts'

const echo = ({ socket }: Peer): void => {
  socket.on('data', (chunk) => socket.write(chunk))
  socket.on('end', () => socket.end())
}

test('bytes pass unchanged in both directions and are counted', async () => {
  await using target = await startTarget(echo)
  await using proxy = await startFaultProxy({ target })
  using client = await dial(proxy.port)
  const sent = Buffer.from(generatedBytes(1, 0, 5_000_000))
  client.socket.write(sent)
  expect(Buffer.compare(await client.receives(sent.byteLength), sent)).toBe(0)
  expect(proxy.connections).toBe(1)
  expect(proxy.totals).toEqual({ toTarget: 5_000_000, fromTarget: 5_000_000 })
  client.socket.end()
  expect(await client.ended).toBe('closed')
  await proxy.idle()
  expect(proxy.connections).toBe(0)
})

test('the end of one direction is passed on while the other keeps flowing', async () => {
  await using target = await startTarget()
  await using proxy = await startFaultProxy({ target })
  using client = await dial(proxy.port)
  client.socket.end('question')
  const server = await target.next()
  await server.end()
  expect(server.received.toString()).toBe('question')
  server.socket.write('first ')
  await client.receives(6)
  expect(client.hasEnd).toBe(false)
  server.socket.end('second')
  await client.end()
  expect(client.received.toString()).toBe('first second')
  expect(await client.ended).toBe('closed')
})

test('the target may end first and still receive', async () => {
  await using target = await startTarget()
  await using proxy = await startFaultProxy({ target })
  using client = await dial(proxy.port)
  const server = await target.next()
  server.socket.end('bye')
  await client.end()
  client.socket.write('still here')
  expect((await server.receives(10)).toString()).toBe('still here')
  client.socket.end()
  expect(await server.ended).toBe('closed')
})

test('a reset of one side resets the other', async () => {
  await using target = await startTarget()
  await using proxy = await startFaultProxy({ target })
  using client = await dial(proxy.port)
  const server = await target.next()
  server.socket.resetAndDestroy()
  expect(await client.ended).toBe('ECONNRESET')
  using other = await dial(proxy.port)
  const otherServer = await target.next()
  other.socket.resetAndDestroy()
  expect(await otherServer.ended).toBe('ECONNRESET')
  await proxy.idle()
})

test('a target that does not listen resets the client', async () => {
  const target = await startTarget()
  await target[Symbol.asyncDispose]()
  await using proxy = await startFaultProxy({ target })
  using client = await dial(proxy.port)
  expect(await client.ended).toBe('ECONNRESET')
})

test('a receiver that does not read holds the sender back', async () => {
  await using target = await startTarget(({ socket }) => socket.pause())
  await using proxy = await startFaultProxy({ target, queueBytes: 100_000 })
  using client = await dial(proxy.port)
  const server = await target.next()
  const sizeBytes = 64 * 2 ** 20
  client.socket.write(generatedBytes(1, 0, sizeBytes))
  await client.staysSilent(100)
  const held = client.socket.writableLength
  expect(held).toBeGreaterThan(sizeBytes / 4)
  server.socket.resume()
  await server.receives(sizeBytes)
  expect(proxy.totals.toTarget).toBe(sizeBytes)
})

test('HTTP passes through, and a cut shows as a broken download', async () => {
  await using origin = await startOrigin()
  origin.put('/data', { sizeBytes: 1_000_000, seed: 9 })
  await using proxy = await startFaultProxy({ target: origin })
  proxy.cutAfter(300_000)
  const reply = await get(`http://${proxy.host}:${proxy.port}/data`)
  expect(reply).toMatchObject({ status: 200, endedBy: 'ECONNRESET' })
  expect(reply.body.byteLength).toBeLessThan(300_000)
})

test('stop resets connections under way, also those in a black hole', async () => {
  await using target = await startTarget(echo)
  await using proxy = await startFaultProxy({ target })
  using live = await dial(proxy.port)
  await target.next()
  proxy.blackHole(true)
  using waiting = await dial(proxy.port)
  await proxy.stop()
  await proxy.closed
  expect(await live.ended).toBe('ECONNRESET')
  expect(await waiting.ended).toBe('ECONNRESET')
  expect(proxy.connections).toBe(0)
})
