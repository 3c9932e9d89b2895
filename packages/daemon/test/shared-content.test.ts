import { DfdaemonDownload } from '@damselfly/api/dfdaemon'
import { openChannel } from '@damselfly/rpc'
import {
  type Constellation,
  type Member,
  type Origin,
  sha256File,
  startConstellation,
  startOrigin,
} from '@damselfly/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

// Several callers on one task: what one of them does must not hurt the others.

const MiB = 1024 * 1024
const size = 9 * MiB
const wrong = `sha256:${'0'.repeat(64)}`

let origin: Origin
let swarm: Constellation
let peer: Member
let url: string

beforeEach(async () => {
  origin = await startOrigin()
  url = origin.put('/f', { sizeBytes: size, seed: 1 }, { etag: '"one"' })
  swarm = await startConstellation({ scheduler: false, peers: 1 })
  peer = swarm.peers[0]!
})
afterEach(async () => {
  await swarm.stop()
  await origin.stop()
})

describe('content that several callers use', () => {
  it('survives the wrong digest of one of them', async () => {
    const right = `sha256:${await origin.digest('/f')}`
    const outcomes = await Promise.allSettled([
      peer.download(url, { download: { digest: wrong } }),
      peer.download(url, { download: { digest: right }, outputPath: peer.output('a') }),
      peer.download(url, { download: { needPieceContent: true } }),
    ])
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'DigestMismatch' } },
      { status: 'fulfilled' },
      { status: 'fulfilled' },
    ])
  })

  it('is not thrown away for a slip in a later digest', async () => {
    await peer.download(url)
    await expect(peer.download(url, { download: { digest: wrong } })).rejects.toMatchObject({
      message: expect.stringContaining('--tag'),
    })
    expect((await peer.download(url)).bytesFromCache).toBe(size)
  })

  it('is fetched anew after a wrong digest of the only caller', async () => {
    await expect(peer.download(url, { download: { digest: wrong } })).rejects.toMatchObject({
      code: 'DigestMismatch',
    })
    expect((await peer.download(url)).bytesFromOrigin).toBe(size)
  })

  it('goes to each caller with its own credentials only', async () => {
    origin.misbehave('/f', { kind: 'requireAuth', authorization: 'Bearer good' })
    const ask = (authorization: string) =>
      peer.download(url, { download: { requestHeader: { authorization } } })
    const outcomes = await Promise.allSettled([ask('Bearer bad'), ask('Bearer good')])
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'SourceRefused' } },
      { status: 'fulfilled' },
    ])
  })

  it('is asked for again when a range lies behind the end of what is stored', async () => {
    await peer.download(url)
    origin.put('/f', { sizeBytes: 2 * size, seed: 2 }, { etag: '"two"' })
    const range = { start: size + 10, length: 10 }
    const { contentLength } = await peer.download(url, { range })
    expect(contentLength).toBe(2 * size)
  })

  it('is never a mix of two versions: a partial copy of the old one is dropped', async () => {
    await peer.download(url, { range: { start: 0, length: 1 } })
    origin.put('/f', { sizeBytes: size, seed: 2 }, { etag: '"two"' })
    const { bytesFromCache, bytesFromOrigin } = await peer.download(url, {
      outputPath: peer.output('f'),
    })
    expect([bytesFromCache, bytesFromOrigin]).toEqual([0, size])
  })

  it('that is deleted in mid-download says so', async () => {
    origin.misbehave('/f', { kind: 'slow', bytesPerSec: 20 * MiB, method: 'GET' })
    using channel = openChannel({ path: peer.daemon.endpoints.socketPath })
    const download = peer.download(url, {
      onMessage: ({ taskId, response }) => {
        if (response.case === 'downloadPieceFinishedResponse') {
          channel
            .client(DfdaemonDownload)
            .deleteLocalTask({ taskId })
            .catch(() => {})
        }
      },
    })
    await expect(download).rejects.toMatchObject({
      code: 'TaskNotFound',
      message: expect.stringContaining('deleted on this host while'),
    })
  })
})

describe('content that has changed at the origin', () => {
  it('is fetched anew by the swarm after one download has found out', async () => {
    await swarm.stop()
    swarm = await startConstellation({ peers: 3 })
    const [a, b, c] = swarm.peers
    await a!.download(url)
    origin.put('/f', { sizeBytes: size, seed: 2 }, { etag: '"two"' })
    // Nobody has asked the origin again, so the swarm still gives the old version, whole.
    await b!.download(url, { outputPath: b!.output('old') })
    const range = { start: 0, length: 1 }
    const fresh = origin.put('/g', { sizeBytes: size, seed: 3 }, { etag: '"one"' })
    await a!.download(fresh, { range })
    await a!.stop()
    origin.put('/g', { sizeBytes: size, seed: 4 }, { etag: '"two"' })
    await expect(c!.download(fresh)).rejects.toMatchObject({
      code: 'SourceChanged',
      retryable: true,
    })
    const { bytesFromOrigin } = await c!.download(fresh, { outputPath: c!.output('g') })
    expect(bytesFromOrigin).toBe(size)
    expect(await sha256File(c!.output('g'))).toBe(await origin.digest('/g'))
  })
})
