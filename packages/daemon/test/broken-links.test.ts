import { create } from '@bufbuild/protobuf'
import { type Peer, PeerSchema } from '@damselfly/api/common'
import { DfdaemonUpload } from '@damselfly/api/dfdaemon'
import { silentLog } from '@damselfly/core'
import { type RpcServer, route, startRpcServer } from '@damselfly/rpc'
import {
  type Constellation,
  type FaultProxy,
  type Member,
  type Origin,
  sha256File,
  startConstellation,
  startFaultProxy,
  startOrigin,
} from '@damselfly/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FakeScheduler, isRegister, needSource, parents } from './fake-scheduler.ts'

// A parent behind a link that corrupts, cuts, freezes or refuses. The child must end with the right bytes, and the
// scheduler must hear who was to blame.

const MiB = 1024 * 1024
const size = 9 * MiB

let origin: Origin
let scheduler: FakeScheduler
let swarm: Constellation
let parent: Member
let child: Member
let link: FaultProxy
let upload: RpcServer
let behindLink: Peer
let url: string

beforeEach(async () => {
  origin = await startOrigin()
  url = origin.put('/f', { sizeBytes: size, seed: 1 })
  scheduler = new FakeScheduler()
  await scheduler.start()
  swarm = await startConstellation({
    scheduler: false,
    daemonConfig: {
      scheduler: { addrs: [scheduler.address] },
      download: { pieceIdleTimeout: '300ms', timing: { reschedulePause: '20ms' } },
    },
  })
  parent = await swarm.start('peer')
  child = await swarm.start('peer')
  scheduler.answer = (message) => (isRegister(message) ? needSource : undefined)
  await parent.download(url)
  link = await startFaultProxy({ target: parent.daemon.endpoints.pieces })
  upload = await startRpcServer({
    listen: { host: '127.0.0.1', port: 0 },
    log: silentLog,
    health: [],
    services: [
      route(DfdaemonUpload, {
        async *syncPieces({ interestedPieceNumbers }) {
          for (const number of interestedPieceNumbers) {
            yield { number, ip: '127.0.0.1', tcpPort: link.port }
          }
        },
      }),
    ],
  })
  const { endpoint } = upload
  behindLink = create(PeerSchema, {
    id: 'behind-the-link',
    host: { id: 'other', ip: '127.0.0.1', port: 'port' in endpoint ? endpoint.port : 0 },
  })
  scheduler.messages.length = 0
  scheduler.answer = ({ request }) => {
    if (request.case === 'registerPeerRequest') return parents(behindLink)
    return request.case === 'reschedulePeerRequest' ? needSource : undefined
  }
})
afterEach(async () => {
  await swarm.stop()
  await upload.stop()
  await link.stop()
  await scheduler.server.stop()
  await origin.stop()
})

const failures = () =>
  scheduler.messages.flatMap(({ request }) =>
    request.case === 'downloadPieceFailedRequest' ? [request.value] : [],
  )

async function downloadThroughLink() {
  const outputPath = child.output('f')
  const result = await child.download(url, { outputPath })
  expect(await sha256File(outputPath)).toBe(await origin.digest('/f'))
  return result
}

describe('a child whose parent is behind a bad link', () => {
  it('downloads everything through a good one', async () => {
    const { bytesFromPeers } = await downloadThroughLink()
    expect(bytesFromPeers).toBe(size)
    expect(failures()).toEqual([])
  })

  it('never keeps a corrupt piece, and names the parent that sent it', async () => {
    link.corrupt({ direction: 'fromTarget', atByte: 100_000 })
    const { bytesFromOrigin } = await downloadThroughLink()
    expect(bytesFromOrigin).toBeGreaterThan(0)
    expect(failures()[0]).toMatchObject({ parentId: 'behind-the-link', temporary: false })
  })

  it('fetches the rest elsewhere when the link is cut', async () => {
    link.cutAfter(MiB)
    await downloadThroughLink()
    expect(failures()[0]).toMatchObject({ parentId: 'behind-the-link', temporary: true })
  })

  it('does not wait for a link that swallows everything', async () => {
    link.blackHole(true)
    const { bytesFromOrigin } = await downloadThroughLink()
    expect(bytesFromOrigin).toBe(size)
  })

  it('gives up a link that refuses', async () => {
    link.refuse(true)
    const { bytesFromOrigin } = await downloadThroughLink()
    expect(bytesFromOrigin).toBe(size)
  })
})
