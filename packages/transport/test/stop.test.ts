import { encodeRequest } from '@damselfly/transport'
import { describe, expect, test } from 'vitest'
import {
  codeOf,
  content,
  fetchFrom,
  MiB,
  type PieceLog,
  piece,
  pieces,
  rawClient,
  serve,
  taskId,
} from './harness.ts'

const request = (number: number): Uint8Array =>
  encodeRequest({ family: 'standard', taskId, number, packetId: 0x2a })
const newLog = (): PieceLog => ({ released: [], reads: [] })

describe('stopping', () => {
  test('an answer under way is finished, who has not asked is dropped, newcomers are refused', async () => {
    const bytes = content(8 * MiB)
    const server = await serve(pieces(piece(0, bytes)))
    using idle = rawClient(server)
    using client = rawClient(server)
    client.socket.write(request(0))
    await client.has(100)
    client.socket.pause()
    const stopped = server.stop()
    expect(server.stop()).toBe(stopped)
    await idle.ended
    expect(await codeOf(fetchFrom(server, 10))).toBe('PeerUnavailable')
    client.socket.resume()
    await client.ended
    await stopped
    await server.closed
    expect(client.received().subarray(-bytes.byteLength).equals(bytes)).toBe(true)
  })

  test('after the grace time the rest is cut off', async () => {
    const log = newLog()
    const server = await serve(pieces(piece(0, content(64 * MiB), log)), { graceMs: 30 })
    using client = rawClient(server)
    client.socket.write(request(0))
    await client.has(100)
    client.socket.pause()
    await server.stop()
    expect(log.released).toHaveLength(1)
    expect(log.released[0]).toBeLessThan(64 * MiB)
    expect(server.pool.stats.inUse).toBe(0)
    expect(server.connections).toBe(0)
  })

  test('a port that is taken is told', async () => {
    await using server = await serve(pieces())
    const second = serve(pieces(), { listen: server.endpoint })
    expect(await codeOf(second)).toBe('AlreadyRunning')
  })
})
