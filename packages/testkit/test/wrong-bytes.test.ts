import { randomBytes } from 'node:crypto'
import { open, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { expect, it, onTestFinished } from 'vitest'
import {
  type ConstellationOptions,
  type Member,
  sha256File,
  startConstellation,
  startOrigin,
  tmpDir,
} from '../src/index.ts'

// Bytes that are wrong although the CRC-32 of their sender is right: only the digest that the scheduler holds tells.

const MiB = 1024 * 1024

/**
 * The generator polynomial of CRC-32, highest power first, in the order in which bits are fed in (the lowest of a byte first):
 * whatever it is added to, the CRC stays the same.
 */
function invisibleChange(): Uint8Array {
  const bits = (0x1_04c1_1db7).toString(2)
  const bytes = new Uint8Array(5)
  for (const [at, bit] of [...bits].entries()) {
    if (bit === '1') bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (1 << (at & 7))
  }
  return bytes
}

async function startSwarm(options: ConstellationOptions) {
  const origin = await startOrigin()
  const swarm = await startConstellation(options)
  onTestFinished(async () => {
    await swarm.stop()
    await origin.stop()
  })
  return { origin, swarm }
}

/** Changes the stored content of a member so that its CRC-32 does not. */
async function rot({ dir }: Member, sizeBytes: number, offset: number): Promise<void> {
  const files = await readdir(join(dir, 'store'), { recursive: true, withFileTypes: true })
  for (const file of files) {
    const path = join(file.parentPath, file.name)
    if (!file.isFile() || (await stat(path)).size !== sizeBytes) continue
    await using handle = await open(path, 'r+')
    const bytes = new Uint8Array(5)
    await handle.read(bytes, 0, 5, offset)
    await handle.write(
      bytes.map((byte, i) => byte ^ (invisibleChange()[i] ?? 0)),
      0,
      5,
      offset,
    )
    return
  }
  throw new Error('The content was not found.')
}

it('makes changes that CRC-32 cannot see', () => {
  const before = new Uint8Array(100).fill(7)
  const after = before.slice()
  for (const [i, byte] of invisibleChange().entries()) after[20 + i] = 7 ^ byte
  expect(after).not.toEqual(before)
  expect(crc32(after)).toBe(crc32(before))
})

it.each([0, 1])('are refused, and their sender is banned [threads: %i]', async (threads) => {
  const { origin, swarm } = await startSwarm({ daemonConfig: { transfer: { threads } }, peers: 2 })
  const sizeBytes = 9 * MiB
  const url = origin.put('/f', { sizeBytes, seed: 1 })
  const [rotten, child] = swarm.peers as [Member, Member]
  await rotten.download(url)
  await rot(rotten, sizeBytes, 5 * MiB)
  const outputPath = child.output('copy')
  const { bytesFromOrigin } = await child.download(url, { outputPath })
  expect(await sha256File(outputPath)).toBe(await origin.digest('/f'))
  // The second piece; the others may have come from either before the sender was found out.
  expect(bytesFromOrigin).toBeGreaterThanOrEqual(4 * MiB)
  const text = await (await fetch(metricsUrl(child))).text()
  expect(text).toMatch(/^dragonfly_client_corrupt_piece_total [1-9]/m)
  expect(text).toMatch(/^dragonfly_client_unattested_piece_total 0/m)
})

it.each([0, 1])('in an encrypted store are not even sent [threads: %i]', async (threads) => {
  await using dir = await tmpDir()
  const keyFile = join(dir.path, 'key')
  await writeFile(keyFile, randomBytes(32).toString('hex'))
  const storage = { encryption: { keyFile } }
  const { origin, swarm } = await startSwarm({
    daemonConfig: { storage, transfer: { threads } },
    peers: 2,
  })
  const sizeBytes = 9 * MiB
  const url = origin.put('/f', { sizeBytes, seed: 1 })
  const [rotten, child] = swarm.peers as [Member, Member]
  await rotten.download(url)
  await rot(rotten, sizeBytes, 5 * MiB)
  const outputPath = child.output('copy')
  await child.download(url, { outputPath })
  expect(await sha256File(outputPath)).toBe(await origin.digest('/f'))
  expect(await (await fetch(metricsUrl(child))).text()).toMatch(/corrupt_piece_total 0/)
  // The bad piece is gone; asked again, its former owner gets it from the swarm.
  const { bytesFromPeers } = await rotten.download(url)
  expect(bytesFromPeers).toBe(4 * MiB)
})

function metricsUrl({ daemon }: Member): string {
  const { host, port } = daemon.endpoints.metrics
  return `http://${host}:${port}/metrics`
}
