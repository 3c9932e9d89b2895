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

it('content of two tasks that was checked to be the same lies on the disk once', async () => {
  const { origin, peer, url, digest } = await setUp()
  await peer.download(url, { download: { digest } })
  const other = origin.put('/b', { sizeBytes, seed: 1 })
  const outputPath = peer.output('b')
  // The digest is the caller's word: what another URL has is fetched and checked all the same.
  expect((await peer.download(other, { download: { digest } })).bytesFromOrigin).toBe(sizeBytes)
  await expect.poll(async () => (await contents(peer)).size).toBe(1)
  await peer.download(other, { outputPath })
  expect(`sha256:${await sha256File(outputPath)}`).toBe(digest)
})

it('content that nobody has checked stays apart, and another digest is refused', async () => {
  const { origin, peer, url, digest } = await setUp()
  await peer.download(url, { download: { digest } })
  await peer.download(origin.put('/b', { sizeBytes, seed: 1 }))
  const different = origin.put('/c', { sizeBytes, seed: 2 })
  await expect(peer.download(different, { download: { digest } })).rejects.toMatchObject({
    code: 'DigestMismatch',
  })
  expect((await contents(peer)).size).toBe(2)
})
