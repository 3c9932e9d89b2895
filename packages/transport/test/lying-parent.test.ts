import type { Socket } from 'node:net'
import { encodeError, encodePieceContent, type PeerAddress } from '@damselfly/transport'
import { describe, expect, test } from 'vitest'
import { content, fetchOf, MiB, newLinks, piece, rawServer, until } from './harness.ts'

/* A parent that lies about the bytes of a piece is found by their hash, which is the business of whoever has the sink. */

const length = 2 * MiB
const head = (claimed: number, number = 0): Buffer =>
  Buffer.from(encodePieceContent({ ...piece(number, content(1)), length: claimed }, 'standard', 0))
const packedHead = encodePieceContent(
  { ...piece(0, content(1)), length },
  'standard',
  0,
  'packedContent',
)

/** Sends without end, as fast as it is taken. */
function flood(socket: Socket, chunk: Buffer): void {
  const more = (): void => {
    if (!socket.destroyed) socket.write(chunk, more)
  }
  more()
}

/** One byte at a time, for ever, slower than anybody should wait. */
function drip(socket: Socket, bytes: Buffer): void {
  let at = 0
  const timer = setInterval(() => {
    if (at < bytes.byteLength) socket.write(bytes.subarray(at, at + 1))
    at += 1
  }, 5)
  socket.on('close', () => clearInterval(timer))
}

interface Lie {
  readonly name: string
  readonly answer: (socket: Socket) => void
  readonly code: string
  readonly text: string
  /** A proper answer, after which a kept connection goes on. */
  readonly isProper?: boolean
}

const lies: Lie[] = [
  {
    name: 'a piece that is too short',
    answer: (socket) => socket.end(Buffer.concat([head(length), content(MiB)])),
    code: 'PeerUnavailable',
    text: `after ${MiB} of ${length} bytes`,
  },
  {
    name: 'a piece that is announced too short',
    answer: (socket) => socket.end(Buffer.concat([head(MiB), content(MiB)])),
    code: 'PeerProtocol',
    text: `piece 0 of ${MiB} bytes instead of piece 0 of ${length}`,
  },
  {
    name: 'a piece that is announced too long',
    answer: (socket) => socket.write(Buffer.concat([head(length + 1), content(length)])),
    code: 'PeerProtocol',
    text: `of ${length + 1} bytes`,
  },
  {
    name: 'a length of 100 GB, and bytes without end',
    answer: (socket) => {
      socket.write(head(100e9))
      flood(socket, content(MiB))
    },
    code: 'PeerProtocol',
    text: 'of 100000000000 bytes',
  },
  {
    name: 'another piece',
    answer: (socket) => socket.write(Buffer.concat([head(length, 7), content(length)])),
    code: 'PeerProtocol',
    text: 'piece 7',
  },
  {
    name: 'another family',
    answer: (socket) =>
      socket.write(encodePieceContent({ ...piece(0, content(1)), length }, 'persistent', 0)),
    code: 'PeerProtocol',
    text: 'another frame',
  },
  {
    name: 'garbage',
    answer: (socket) => socket.write(content(100_000, 3)),
    code: 'PeerProtocol',
    text: 'broke the piece protocol',
  },
  {
    name: 'garbage without end',
    answer: (socket) => flood(socket, Buffer.alloc(MiB, 0xee)),
    code: 'PeerProtocol',
    text: 'broke the piece protocol',
  },
  {
    name: 'a metadata block of 4 GiB',
    answer: (socket) => {
      socket.write(Buffer.from('0001ffffffff', 'hex'))
      flood(socket, Buffer.alloc(MiB))
    },
    code: 'PeerProtocol',
    text: '4294967295 bytes',
  },
  {
    name: 'an error of 4 GiB',
    answer: (socket) => {
      socket.write(Buffer.from('00ffffffffff', 'hex'))
      flood(socket, Buffer.alloc(MiB))
    },
    code: 'PeerProtocol',
    text: '4294967295 bytes',
  },
  {
    name: 'an error with control characters',
    answer: (socket) => socket.write(encodeError(0, '\u001b[2J\nroot: ok', 0)),
    code: 'PeerUnavailable',
    text: '"\\u001b[2J\\nroot: ok"',
    isProper: true,
  },
  {
    name: 'a request',
    answer: (socket) =>
      socket.write(Buffer.concat([Buffer.from('000000000044', 'hex'), Buffer.alloc(68, 0x61)])),
    code: 'PeerProtocol',
    text: 'another frame',
  },
  {
    name: 'the end in the middle of a header',
    answer: (socket) => socket.end(head(length).subarray(0, 40)),
    code: 'PeerUnavailable',
    text: 'before the answer was complete',
  },
  {
    name: 'a reset in the middle of the content',
    answer: (socket) =>
      socket.write(Buffer.concat([head(length), content(1000)]), () => socket.resetAndDestroy()),
    code: 'PeerUnavailable',
    text: 'failed: ECONNRESET',
  },
  {
    name: 'nothing',
    answer: () => {},
    code: 'PeerUnavailable',
    text: 'was silent for',
  },
  {
    name: 'a header and then nothing',
    answer: (socket) => socket.write(head(length)),
    code: 'PeerUnavailable',
    text: 'was silent for',
  },
]

const packedLies: Lie[] = [
  {
    name: 'a packed block of 2 GiB',
    answer: (socket) => {
      socket.write(Buffer.concat([packedHead, Buffer.from('7fffffff', 'hex')]))
      flood(socket, Buffer.alloc(MiB))
    },
    code: 'PeerProtocol',
    text: 'a packed block of 2147483647 bytes',
  },
  {
    name: 'a packed block of garbage',
    answer: (socket) =>
      socket.write(Buffer.concat([packedHead, Buffer.from('00001000', 'hex'), content(4096)])),
    code: 'PeerProtocol',
    text: 'cannot be unpacked',
  },
]

describe.each([
  ['over a connection for one piece', {}],
  ['over a kept connection', { keepAlive: true, zstd: true }],
] as const)('a parent that lies %s', (_kind, features) => {
  const isKept = 'keepAlive' in features
  test.each(isKept ? [...lies, ...packedLies] : lies)('$name', async (lie) => {
    const { answer, code, text, isProper } = lie
    const sockets = new Set<Socket>()
    await using peer = await rawServer((socket) => {
      sockets.add(socket)
      for (const event of ['end', 'close']) socket.on(event, () => sockets.delete(socket))
      socket.once('data', () => answer(socket))
    })
    await using links = newLinks({ idleMs: 60 })
    const address: PeerAddress = { endpoint: peer.endpoint, ...(isKept ? { features } : {}) }
    let written = 0
    const sink = {
      write(chunk: Uint8Array): void {
        written += chunk.byteLength
      },
    }
    const before = process.memoryUsage().arrayBuffers
    const error: unknown = await links.fetch(fetchOf(address, 0, length, { sink })).catch((e) => e)
    expect(error).toMatchObject({ code, blame: 'peer' })
    expect(String(error)).toContain(text)
    expect(written).toBeLessThanOrEqual(length)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * MiB)
    const connections = isKept && isProper === true ? 1 : 0
    expect(links.stats).toMatchObject({ connections, inFlight: 0, waiting: 0 })
    await links.close()
    await until(() => sockets.size === 0)
  })
})

test('a parent that sends a byte now and then holds a place, but no memory and nobody else', async () => {
  await using slow = await rawServer((socket) => {
    socket.once('data', () => drip(socket, Buffer.concat([head(length), content(1000)])))
  })
  await using good = await rawServer((socket) => {
    socket.once('data', () => socket.write(Buffer.concat([head(length), content(length)])))
  })
  await using links = newLinks({ idleMs: 200 })
  const controller = new AbortController()
  const { signal } = controller
  const stuck = Array.from({ length: 20 }, () =>
    links.fetch(fetchOf({ endpoint: slow.endpoint }, 0, length, { signal })),
  )
  const settled = Promise.allSettled(stuck)
  const before = process.memoryUsage().arrayBuffers
  expect((await links.fetch(fetchOf({ endpoint: good.endpoint }, 0, length))).length).toBe(length)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * MiB)
  expect(links.stats.inFlight).toBe(20)
  controller.abort(new Error('too slow for me'))
  expect((await settled).every(({ status }) => status === 'rejected')).toBe(true)
  expect(links.stats.connections).toBe(0)
})
