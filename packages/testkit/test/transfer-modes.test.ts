import { randomBytes } from 'node:crypto'
import { open, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type Constellation,
  type Member,
  type Origin,
  sha256File,
  startConstellation,
  startOrigin,
  tmpDir,
} from '../src/index.ts'

// The same downloads whatever carries the bytes and wherever they lie.

const MiB = 1024 * 1024

interface Mode {
  readonly name: string
  readonly config: Readonly<Record<string, unknown>>
}

const modes: readonly Mode[] = [
  { name: 'threads', config: { transfer: { threads: 2 } } },
  { name: 'TLS', config: { transfer: { tls: 'require' } } },
  { name: 'TLS, threads', config: { transfer: { tls: 'require', threads: 1 } } },
  { name: 'memory', config: { storage: { kind: 'memory' } } },
  { name: 'memory, threads', config: { storage: { kind: 'memory' }, transfer: { threads: 1 } } },
  { name: 'memory over the disk', config: { storage: { kind: 'tiered' } } },
  { name: 'durable', config: { storage: { sync: 'durable' } } },
  {
    name: 'direct I/O, threads',
    config: { storage: { directIO: true }, transfer: { threads: 1 } },
  },
]

async function setUp(
  config: Mode['config'],
  peers = 2,
): Promise<{ origin: Origin; swarm: Constellation }> {
  const origin = await startOrigin()
  const swarm = await startConstellation({ seeds: 1, peers, daemonConfig: config })
  onTestFinished(async () => {
    await swarm.stop()
    await origin.stop()
  })
  return { origin, swarm }
}

/** Everybody downloads at once; returns what each got from the origin. */
async function downloadAll(members: readonly Member[], origin: Origin, path: string, url: string) {
  return await Promise.all(
    members.map(async (member) => {
      const outputPath = member.output(path.slice(1))
      const { bytesFromOrigin } = await member.download(url, { outputPath })
      expect(await sha256File(outputPath), member.name).toBe(await origin.digest(path))
      return bytesFromOrigin
    }),
  )
}

async function largestFile(dir: string): Promise<string> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const paths = files.map(({ parentPath, name }) => join(parentPath, name))
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size))
  return paths[sizes.indexOf(Math.max(...sizes))] ?? ''
}

it.each(modes)(
  '$name: each byte leaves the origin once, and digests are checked',
  async ({ config }) => {
    const { origin, swarm } = await setUp(config)
    for (const sizeBytes of [1, 100_000, 9 * MiB + 1]) {
      const path = `/${sizeBytes}`
      const url = origin.put(path, { sizeBytes, seed: sizeBytes })
      expect(await downloadAll(swarm.peers, origin, path, url), path).toEqual([0, 0])
      expect(origin.counters(path).bodyBytes, path).toBeLessThanOrEqual(sizeBytes * 1.02)
    }
    const url = origin.put('/named', { sizeBytes: 9 * MiB, seed: 1 })
    const [peer] = swarm.peers as [Member]
    const digest = `sha256:${await origin.digest('/named')}`
    // Computed while the pieces come; the second time it is known.
    for (let i = 0; i < 2; i++) await peer.download(url, { download: { digest } })
    const other = `sha256:${'0'.repeat(64)}`
    await expect(peer.download(url, { download: { digest: other } })).rejects.toMatchObject({
      message: expect.stringContaining('is not what was asked for'),
    })
  },
)

describe('encryption at rest', () => {
  it.each([0, 1])('leaves no plain byte on the disk [threads: %i]', async (threads) => {
    await using dir = await tmpDir()
    const keyFile = join(dir.path, 'key')
    await writeFile(keyFile, randomBytes(32).toString('hex'))
    const { origin, swarm } = await setUp({
      storage: { encryption: { keyFile } },
      transfer: { threads },
    })
    const sizeBytes = 9 * MiB
    const url = origin.put('/f', { sizeBytes, seed: 5 })
    expect(await downloadAll(swarm.peers, origin, '/f', url)).toEqual([0, 0])
    const [peer] = swarm.peers as [Member]
    const plain = await readFile(peer.output('f'))
    const files = await readdir(join(peer.dir, 'store'), { recursive: true, withFileTypes: true })
    for (const file of files.filter((entry) => entry.isFile())) {
      const bytes = await readFile(join(file.parentPath, file.name))
      for (let at = 0; at < sizeBytes; at += MiB) {
        expect(bytes.includes(plain.subarray(at, at + 32)), `${file.name} at ${at}`).toBe(false)
      }
    }
    // And after a restart it can be read again.
    await peer.stop()
    const again = await swarm.start('peer', { as: peer })
    const outputPath = again.output('again')
    expect((await again.download(url, { outputPath })).bytesFromOrigin).toBe(0)
    expect(await sha256File(outputPath)).toBe(await origin.digest('/f'))
  })

  it.each([0, 1])(
    'gives no output with a piece that was changed on the disk, and fetches it again [threads: %i]',
    async (threads) => {
      await using dir = await tmpDir()
      const keyFile = join(dir.path, 'key')
      await writeFile(keyFile, randomBytes(32).toString('hex'))
      const config = { storage: { encryption: { keyFile } }, transfer: { threads } }
      const { origin, swarm } = await setUp(config, 1)
      const url = origin.put('/f', { sizeBytes: 9 * MiB, seed: 5 })
      const [peer] = swarm.peers as [Member]
      await peer.download(url)
      await using content = await open(await largestFile(join(peer.dir, 'store')), 'r+')
      await content.write(randomBytes(16), 0, 16, 5 * MiB)
      const outputPath = peer.output('f')
      await expect(peer.download(url, { outputPath })).rejects.toMatchObject({
        message: expect.stringContaining('Piece 1 of task'),
      })
      expect(await readdir(dirname(outputPath))).not.toContain('f')
      await peer.download(url, { outputPath })
      expect(await sha256File(outputPath)).toBe(await origin.digest('/f'))
    },
  )

  it.each([
    ['a file that is not there', undefined, 'cannot be read (ENOENT)'],
    ['a key that is too short', 'abcd', 'holds no key: expected 32 bytes as 64 hex digits'],
  ])('refuses %s', async (_what, text, message) => {
    await using dir = await tmpDir()
    const keyFile = join(dir.path, 'key')
    if (text !== undefined) await writeFile(keyFile, text)
    await using swarm = await startConstellation({ scheduler: false })
    await expect(
      swarm.start('peer', { config: { storage: { encryption: { keyFile } } } }),
    ).rejects.toMatchObject({ code: 'InvalidConfig', message: expect.stringContaining(message) })
  })
})

describe('TLS', () => {
  it('is used by those who prefer it, and plain peers are no worse off', async () => {
    const { origin, swarm } = await setUp({ transfer: { tls: 'prefer' } }, 1)
    await swarm.start('peer', { config: { transfer: { tls: 'off' } } })
    const url = origin.put('/f', { sizeBytes: 9 * MiB, seed: 1 })
    expect(await downloadAll(swarm.peers, origin, '/f', url)).toEqual([0, 0])
  })

  it('of which one demands what the other does not offer: the origin serves', async () => {
    const origin = await startOrigin()
    await using swarm = await startConstellation({ peers: 1 })
    onTestFinished(() => origin.stop())
    const url = origin.put('/f', { sizeBytes: 9 * MiB, seed: 1 })
    const [plain] = swarm.peers as [Member]
    await plain.download(url)
    const strict = await swarm.start('peer', { config: { transfer: { tls: 'require' } } })
    const { bytesFromOrigin } = await strict.download(url)
    expect(bytesFromOrigin).toBe(9 * MiB)
  })
})

it('pieces that shrink travel packed behind a slow link, and the download says how much that saved', async () => {
  const slow = { upload: { bandwidthLimit: '40MB' }, transfer: { threads: 1 } }
  const { origin, swarm } = await setUp(slow, 1)
  const line = Buffer.from('all work and no play makes a log file easy to pack\n')
  const text = Buffer.alloc(9 * MiB, line)
  const [peer] = swarm.peers as [Member]
  const url = origin.put('/text', text)
  const outputPath = peer.output('text')
  const packed = await peer.download(url, { outputPath })
  expect(await sha256File(outputPath)).toBe(await origin.digest('/text'))
  expect(packed.bytesFromSeeds).toBe(text.byteLength)
  expect(packed.savedBytes).toBeGreaterThan(text.byteLength / 2)
  const random = await peer.download(origin.put('/random', { sizeBytes: 9 * MiB, seed: 3 }))
  expect([random.bytesFromSeeds, random.savedBytes]).toEqual([9 * MiB, 0])
})
