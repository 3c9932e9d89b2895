import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Constellation,
  type Origin,
  startConstellation,
  startOrigin,
} from '@damselfly/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const size = 5 * 1024 * 1024

let origin: Origin
let swarm: Constellation
let url: string

beforeAll(async () => {
  origin = await startOrigin()
  url = origin.put('/file', { sizeBytes: size, seed: 1 })
  swarm = await startConstellation({ scheduler: false, peers: 1 })
})

afterAll(async () => {
  await swarm.stop()
  await origin.stop()
})

const download = (outputPath: string, more: { overwrite?: boolean; digest?: string } = {}) =>
  swarm.peers[0]!.download(url, { outputPath, download: more })

describe('the output path', () => {
  it('is left alone when something is there, and replaced when that is asked for', async () => {
    const path = swarm.peers[0]!.output('existing')
    writeFileSync(path, 'mine')
    await expect(download(path)).rejects.toMatchObject({ code: 'OutputExists' })
    expect(readFileSync(path, 'utf8')).toBe('mine')
    await download(path, { overwrite: true })
    expect(readFileSync(path).byteLength).toBe(size)
  })

  it('must not be a directory', async () => {
    const path = swarm.peers[0]!.output('directory')
    mkdirSync(path)
    await expect(download(path, { overwrite: true })).rejects.toMatchObject({
      code: 'OutputExists',
      message: expect.stringContaining('directory'),
    })
  })

  it('must lie in a directory that exists and can be written', async () => {
    const missing = swarm.peers[0]!.output('no/such/directory/file')
    await expect(download(missing)).rejects.toMatchObject({ code: 'OutputUnwritable' })
    await expect(download('/proc/file')).rejects.toMatchObject({ code: 'OutputUnwritable' })
  })

  it('gets nothing when the digest is wrong', async () => {
    const path = swarm.peers[0]!.output('wrong-digest')
    const digest = `sha256:${'0'.repeat(64)}`
    await expect(download(path, { digest })).rejects.toMatchObject({ code: 'DigestMismatch' })
    expect(existsSync(path)).toBe(false)
  })

  it('refuses a digest that cannot be read before anything is fetched', async () => {
    const before = origin.counters('/file').bodyBytes
    await expect(
      download(swarm.peers[0]!.output('x'), { digest: 'sha256:12' }),
    ).rejects.toMatchObject({
      code: 'InvalidArgument',
    })
    expect(origin.counters('/file').bodyBytes).toBe(before)
  })

  // Mounting needs root and a kernel that lets us; elsewhere the store's own tests inject ENOSPC.
  const canMount = mounts()
  it.runIf(canMount)('on a full disk gets nothing, and the error says so', async () => {
    const dir = swarm.peers[0]!.output('small')
    mkdirSync(dir)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir])
    try {
      const path = join(dir, 'file')
      await expect(download(path)).rejects.toMatchObject({ code: 'DiskFull' })
      expect(existsSync(path)).toBe(false)
      expect(execFileSync('ls', ['-A', dir], { encoding: 'utf8' })).toBe('')
    } finally {
      execFileSync('umount', [dir])
    }
  })
})

function mounts(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
