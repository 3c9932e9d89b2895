import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { type Member, sha256File, startConstellation, startOrigin } from '../src/index.ts'

const MiB = 1024 * 1024
const sizeBytes = 9 * MiB

async function setUp() {
  const origin = await startOrigin()
  const swarm = await startConstellation({ peers: 1 })
  onTestFinished(async () => {
    await swarm.stop()
    await origin.stop()
  })
  const [peer] = swarm.peers as [Member]
  const url = origin.put('/a', { sizeBytes, seed: 1 })
  const digest = `sha256:${await origin.digest('/a')}`
  return { origin, peer, url, digest }
}

/** The inodes of the contents in a member's store. */
async function contents({ dir }: Member): Promise<Set<number>> {
  const root = join(dir, 'store', 'content')
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const inodes = files.map(async (file) => (await stat(join(file.parentPath, file.name))).ino)
  return new Set(await Promise.all(inodes))
}

it('content that is here under another task, and has the digest asked for, does not travel again', async () => {
  const { origin, peer, url, digest } = await setUp()
  await peer.download(url, { download: { digest } })
  const other = origin.put('/b', { sizeBytes, seed: 1 })
  const outputPath = peer.output('b')
  const result = await peer.download(other, { outputPath, download: { digest } })
  expect([result.bytesFromOrigin, result.bytesFromPeers]).toEqual([0, 0])
  expect(origin.counters('/b').bodyBytes).toBe(0)
  expect(`sha256:${await sha256File(outputPath)}`).toBe(digest)
  expect((await contents(peer)).size).toBe(1)
})

it('nor is anything taken over without a digest, or under another one', async () => {
  const { origin, peer, url, digest } = await setUp()
  await peer.download(url, { download: { digest } })
  const same = origin.put('/b', { sizeBytes, seed: 1 })
  expect((await peer.download(same)).bytesFromOrigin).toBe(sizeBytes)
  const different = origin.put('/c', { sizeBytes, seed: 2 })
  const wrong = peer.download(different, { download: { digest: `sha256:${'0'.repeat(64)}` } })
  await expect(wrong).rejects.toMatchObject({ code: 'DigestMismatch' })
  expect(origin.counters('/c').bodyBytes).toBe(sizeBytes)
})
