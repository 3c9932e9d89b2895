import { once } from 'node:events'
import type { Server, Socket } from 'node:net'
import { seededRandom } from '@damselfly/core'
import { expect, test } from 'vitest'
import { Trace } from './trace.ts'
import type { VirtualHost } from './virtual-host.ts'
import { VirtualNetwork } from './virtual-network.ts'
import { VirtualTime } from './virtual-time.ts'

const dataPort = 4_005
const longMs = 60_000

function worldOf() {
  const time = new VirtualTime()
  const trace = new Trace(time)
  const network = new VirtualNetwork(
    { latencyMs: 10, dataPort },
    { time, trace, random: seededRandom(1) },
  )
  const run = (ms: number): Promise<boolean> => time.run(time.monotonic() + ms, () => false)
  return { time, trace, network, run, near: network.boot('near'), far: network.boot('far') }
}

/** Notes what a socket gets. */
function listen(socket: Socket): string[] {
  const heard: string[] = []
  socket.on('data', (chunk) => heard.push(String(chunk)))
  socket.on('end', () => heard.push('end'))
  socket.on('error', (error: NodeJS.ErrnoException) => heard.push(error.code ?? ''))
  socket.on('close', () => heard.push('closed'))
  return heard
}

async function serve(host: VirtualHost, port: number) {
  const accepted: Socket[] = []
  const server: Server = host.createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket)
  })
  server.listen({ host: host.address, port })
  await once(server, 'listening')
  return { server, accepted }
}

async function connected(port = 80) {
  const world = worldOf()
  const { accepted, server } = await serve(world.far, port)
  const client = world.near.connect({ host: 'far', port })
  const heard = listen(client)
  await world.run(100)
  const socket = accepted[0] as Socket
  return { ...world, server, client, heard, socket, heardThere: listen(socket) }
}

test('bytes arrive after the latency, in order, and an end leaves the other direction open', async () => {
  const { client, heard, socket, heardThere, run, time } = await connected()
  expect(client.remotePort).toBe(80)
  expect(socket.remoteAddress).toBe('near')
  const sentAt = time.monotonic()
  let arrivedAt = 0
  socket.once('data', () => {
    arrivedAt = time.monotonic()
  })
  client.write('one ')
  client.end('two')
  await run(100)
  expect(arrivedAt - sentAt).toBeGreaterThanOrEqual(10)
  expect(heardThere.join('')).toBe('one twoend')
  socket.end('answer')
  await run(100)
  expect(heard).toEqual(['answer', 'end', 'closed'])
  expect(heardThere.at(-1)).toBe('closed')
})

test('a living host refuses what it does not know, one without power says nothing', async () => {
  const { near, far, run } = worldOf()
  const refused = listen(near.connect({ host: 'far', port: 81 }))
  const unknown = listen(near.connect({ host: 'nowhere', port: 81 }))
  await run(100)
  expect(refused).toEqual(['ECONNREFUSED', 'closed'])
  expect(unknown).toEqual(['EHOSTUNREACH', 'closed'])
  far.goDown('silent')
  const silent = listen(near.connect({ host: 'far', port: 81 }))
  await run(longMs)
  expect(silent).toEqual([])
})

test('a cut holds bytes back until it heals', async () => {
  const { client, heardThere, network, run } = await connected()
  network.cut('near', 'far')
  network.cut('far', 'near')
  client.write('a')
  client.write('b')
  await run(longMs)
  network.heal('near', 'far')
  await run(longMs)
  expect(heardThere).toEqual([])
  network.heal('near', 'far')
  client.write('c')
  await run(100)
  expect(heardThere.join('')).toBe('abc')
})

test('a process that is killed resets its connections', async () => {
  const { far, heard, run } = await connected()
  far.goDown('reset')
  await run(100)
  expect(heard).toEqual(['ECONNRESET', 'closed'])
})

test('a host without power says nothing, and knows nothing when it is back', async () => {
  const { client, far, heard, network, run } = await connected()
  far.goDown('silent')
  client.write('hello?')
  await run(longMs)
  expect(heard).toEqual([])
  network.boot('far')
  await run(100)
  expect(heard).toEqual(['ECONNRESET', 'closed'])
})

test('a sender waits for a receiver that does not read', async () => {
  const { client, socket, run } = await connected()
  socket.pause()
  let written = 0
  const write = (): void => {
    client.write(Buffer.alloc(64 * 1024), () => {
      written += 1
      if (written < 100) write()
    })
  }
  write()
  await run(longMs)
  expect(written).toBeLessThan(10)
  socket.resume()
  await run(longMs)
  expect(written).toBe(100)
})

test("bytes of pieces go into the reader's own buffer and can come with a wrong bit", async () => {
  const world = worldOf()
  const { accepted } = await serve(world.far, dataPort)
  const received: Buffer[] = []
  const buffer = Buffer.alloc(4)
  let isTaking = true
  const client = world.near.connect(
    { host: 'far', port: dataPort },
    {
      onread: {
        buffer,
        callback: (count) => {
          received.push(Buffer.from(buffer.subarray(0, count)))
          return isTaking
        },
      },
    },
  )
  await world.run(100)
  isTaking = false
  accepted[0]?.write('0123456789')
  await world.run(100)
  expect(Buffer.concat(received).toString()).toBe('0123')
  isTaking = true
  client.resume()
  await world.run(100)
  expect(Buffer.concat(received).toString()).toBe('0123456789')
  world.network.flip('far', 1)
  received.length = 0
  accepted[0]?.write('abcdefgh')
  await world.run(100)
  expect(Buffer.concat(received)).toHaveLength(8)
  expect(Buffer.concat(received).toString()).not.toBe('abcdefgh')
})

test('a server closes when its last connection has', async () => {
  const { client, far, near, server, run } = await connected()
  let isClosed = false
  server.close(() => {
    isClosed = true
  })
  await run(100)
  expect(isClosed).toBe(false)
  client.destroy()
  await run(100)
  // The other side was left open for writing.
  expect(isClosed).toBe(false)
  for (const socket of [...far.sockets]) socket.destroy()
  await run(100)
  expect(isClosed).toBe(true)
  expect([near.open, far.open]).toEqual([0, 0])
})
