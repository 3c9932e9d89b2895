import { once } from 'node:events'
import { connect as connectHttp2, constants } from 'node:http2'
import { toBinary } from '@bufbuild/protobuf'
import { AnnouncePeerRequestSchema } from '@damselfly/api/scheduler'
import { expect, test } from 'vitest'
import {
  AnnouncedPeer,
  announcement,
  connect,
  download,
  host,
  piece,
  start,
} from './scheduler-fixture.ts'

test('the first peer goes to the origin, the second gets it as a parent', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('a'))
  await clients.scheduler.announceHost(host('b'))

  const a = new AnnouncedPeer(clients, 'a/1')
  await a.register()
  expect((await a.answer())?.case).toBe('needBackToSourceResponse')
  await a.say({ case: 'downloadPeerBackToSourceStartedRequest', value: {} })
  await a.say({
    case: 'downloadPieceBackToSourceFinishedRequest',
    value: { piece: piece(0) },
  })
  await a.say({
    case: 'downloadPieceBackToSourceFinishedRequest',
    value: { piece: piece(1) },
  })
  await a.say({ case: 'downloadPeerBackToSourceFinishedRequest', value: {} })
  expect(await a.answer(), 'the call ends after the terminal message').toBeUndefined()

  const b = new AnnouncedPeer(clients, 'b/1')
  await b.register()
  const answer = await b.answer()
  expect(answer?.case).toBe('normalTaskResponse')
  const parents = answer?.case === 'normalTaskResponse' ? answer.value.candidateParents : []
  expect(parents).toMatchObject([
    {
      id: 'a/1',
      state: 'Succeeded',
      host: {
        id: 'a',
        ip: '127.0.0.1',
        port: 4000,
        downloadPort: 4000,
        hostname: 'a',
        network: { idc: 'i1', location: 'r|z|k', maxTxBandwidth: 1_000_000_000n },
      },
      task: { id: 'task', url: download.url, contentLength: download.actualContentLength },
    },
  ])
  for (const field of ['cost', 'createdAt', 'updatedAt'] as const) {
    expect(parents[0]?.[field], field).toBeDefined()
  }
  await b.say({ case: 'downloadPeerStartedRequest', value: {} })
  await b.say({ case: 'downloadPieceFinishedRequest', value: { piece: piece(0, 'a/1') } })
  await b.say({ case: 'downloadPieceFinishedRequest', value: { piece: piece(1, 'a/1') } })
  await b.say({ case: 'downloadPeerFinishedRequest', value: {} })
  expect(await b.answer()).toBeUndefined()

  const task = await clients.scheduler.statTask({ taskId: 'task' })
  expect(task).toMatchObject({ state: 'Succeeded', peerCount: 2, pieceCount: 2 })
  expect(task.pieces.map(({ digest }) => digest)).toEqual(['crc32:123', 'crc32:123'])
})

test('a waiting peer is told as soon as the first one begins, and when it dies', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  for (const id of ['a', 'b', 'c']) await clients.scheduler.announceHost(host(id))
  const a = new AnnouncedPeer(clients, 'a/1')
  await a.register()
  await a.answer()
  const b = new AnnouncedPeer(clients, 'b/1')
  await b.register()
  await a.say({ case: 'downloadPeerBackToSourceStartedRequest', value: {} })
  expect((await b.answer())?.case).toBe('normalTaskResponse')
  a.break()
  const parent = (await clients.scheduler.statPeer({ peerId: 'b/1' })).id
  expect(parent).toBe('b/1')
  await b.say({ case: 'downloadPeerStartedRequest', value: {} })
  await b.say({ case: 'reschedulePeerRequest', value: { candidateParents: [{ id: 'a/1' }] } })
  expect((await b.answer())?.case).toBe('needBackToSourceResponse')
})

test('content without bytes and metadata-only registrations get their own answers', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('a'))
  const empty = new AnnouncedPeer(clients, 'a/1')
  await empty.register({ actualContentLength: 0n })
  expect((await empty.answer())?.case).toBe('emptyTaskResponse')
  const metadata = new AnnouncedPeer(clients, 'a/2')
  await metadata.register({ metadataOnly: true })
  expect((await metadata.answer())?.case).toBe('metadataOnlyResponse')
})

test.each([
  ['a host that is not known', {}, 'x/1', 'HostNotFound'],
  ['a relative URL', { url: 'file' }, 'a/1', 'InvalidArgument'],
  ['priority LEVEL1', { priority: 1 }, 'a/1', 'NoSource'],
  ['a length beyond all numbers', { actualContentLength: 2n ** 63n }, 'a/1', 'InvalidArgument'],
])('%s ends the stream with an error', async (_, more, id, code) => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('a'))
  const peer = new AnnouncedPeer(clients, id)
  await peer.register(more)
  await expect(peer.answer()).rejects.toMatchObject({ code })
})

test('empty and unknown messages are tolerated, one before registering is not', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('a'))
  const peer = new AnnouncedPeer(clients, 'a/1')
  await peer.say({ case: undefined })
  await peer.register()
  expect((await peer.answer())?.case).toBe('needBackToSourceResponse')
  const stranger = new AnnouncedPeer(clients, 'a/2')
  await stranger.say({ case: 'downloadPeerStartedRequest', value: {} })
  await expect(stranger.answer()).rejects.toMatchObject({ code: 'PeerNotFound' })
})

test('a peer that registers on a new stream ends its old one and goes on', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('a'))
  const old = new AnnouncedPeer(clients, 'a/1')
  await old.register()
  await old.answer()
  const again = new AnnouncedPeer(clients, 'a/1')
  await again.register()
  expect((await again.answer())?.case).toBe('needBackToSourceResponse')
  await expect(old.answer()).rejects.toMatchObject({ code: 'AlreadyRunning' })
  await again.say({ case: 'downloadPeerBackToSourceStartedRequest', value: {} })
  await again.say({ case: 'downloadPeerBackToSourceFinishedRequest', value: {} })
  expect(await again.answer()).toBeUndefined()
})

test('a client that never half-closes gets headers at once, and a reset after the status (T2, T4)', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('a'))
  const { host: ip, port } = scheduler.endpoint
  const session = connectHttp2(`http://${ip}:${port}`)
  const stream = session.request({
    ':method': 'POST',
    ':path': '/scheduler.v2.Scheduler/AnnouncePeer',
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  const trailers = once(stream, 'trailers')
  const closed = once(stream, 'close')
  stream.resume()
  await once(stream, 'response')
  const send = (request: Parameters<typeof announcement>[1]) => {
    const message = toBinary(AnnouncePeerRequestSchema, announcement('a/1', request))
    const head = Buffer.alloc(5)
    head.writeUInt32BE(message.byteLength, 1)
    stream.write(Buffer.concat([head, message]))
  }
  send({ case: 'registerPeerRequest', value: { download } })
  send({ case: 'downloadPeerBackToSourceStartedRequest', value: {} })
  send({ case: 'downloadPeerBackToSourceFinishedRequest', value: {} })
  expect((await trailers)[0]['grpc-status']).toBe('0')
  await closed
  expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR)
  session.destroy()
})

test('a broken stream makes its peer a failed one', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('a'))
  await clients.scheduler.announceHost(host('b'))
  const a = new AnnouncedPeer(clients, 'a/1')
  await a.register()
  await a.answer()
  const b = new AnnouncedPeer(clients, 'b/1')
  await b.register()
  a.break()
  expect((await b.answer())?.case, 'the lease of the broken one moves').toBe(
    'needBackToSourceResponse',
  )
})
