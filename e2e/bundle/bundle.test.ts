import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sha256File, startOrigin, startProcessSwarm, tmpDir } from '@damselfly/testkit'
import { beforeAll, expect, it } from 'vitest'

// What is shipped: the programs as built, with what only some configurations load.

const root = fileURLToPath(new URL('../../', import.meta.url))
const program = (name: string) => [process.execPath, join(root, `dist/damselfly/bin/${name}.js`)]
const commands = { scheduler: program('scheduler'), dfdaemon: program('dfdaemon') }
const MiB = 1024 ** 2

beforeAll(() => {
  execFileSync(process.execPath, ['tools/build.mjs'], { cwd: root })
})

it.each([
  ['as it comes', {}],
  ['with TLS', { transfer: { tls: 'require' } }],
  ['with one thread', { transfer: { threads: 0 } }],
])('moves a file %s', async (_name, daemonConfig) => {
  await moveFile(daemonConfig)
})

it('moves a file between encrypted stores', async () => {
  await using dir = await tmpDir()
  const keyFile = join(dir.path, 'key')
  await writeFile(keyFile, randomBytes(32).toString('hex'))
  await moveFile({ storage: { encryption: { keyFile } } })
})

async function moveFile(daemonConfig: Readonly<Record<string, unknown>>): Promise<void> {
  const origin = await startOrigin()
  const url = origin.put('/f', { sizeBytes: 40 * MiB, seed: 1 })
  await using swarm = await startProcessSwarm({ commands, peers: 2, seeds: 1, daemonConfig })
  await Promise.all(
    swarm.peers.map(async (peer) => {
      const outputPath = peer.output('copy')
      const { bytesFromOrigin } = await peer.download(url, { outputPath })
      expect(bytesFromOrigin).toBe(0)
      expect(await sha256File(outputPath)).toBe(await origin.digest('/f'))
    }),
  )
  expect(origin.counters('/f').bodyBytes).toBeLessThanOrEqual(40 * MiB * 1.02)
  await origin.stop()
}
