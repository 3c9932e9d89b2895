import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { startOrigin } from '../src/origin-server.ts'
import { type ProcessSwarmOptions, startProcessSwarm } from '../src/process-swarm.ts'
import { tmpDir } from '../src/tmp-dir.ts'

const dfdaemon = [process.execPath, fileURLToPath(new URL('programs/dfdaemon.ts', import.meta.url))]

const alone = (options: Partial<ProcessSwarmOptions> = {}): ProcessSwarmOptions => ({
  commands: { scheduler: [], dfdaemon },
  scheduler: false,
  peers: 1,
  seeds: 0,
  ...options,
})

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('each daemon is a process of its own, and all are gone after stop', async () => {
  const swarm = await startProcessSwarm(alone({ peers: 2, seeds: 1 }))
  const daemons = [...swarm.seeds, ...swarm.peers]
  expect(daemons.map(({ name, isSeed }) => [name, isSeed])).toEqual([
    ['seed-0', true],
    ['peer-0', false],
    ['peer-1', false],
  ])
  const pids = daemons.map(({ pid }) => pid)
  expect(new Set([process.pid, ...pids]).size).toBe(4)
  await swarm.stop()
  expect(pids.filter(isAlive)).toEqual([])
  expect(daemons.filter(({ dir }) => existsSync(dir))).toEqual([])
})

test('a daemon downloads to its output', async () => {
  await using origin = await startOrigin()
  await using swarm = await startProcessSwarm(alone())
  const [peer] = swarm.peers
  if (peer === undefined) throw new Error('no peer')
  const url = origin.put('file', Buffer.from('content'))
  const result = await peer.download(url, { outputPath: peer.output('file') })
  expect(result.bytesFromOrigin).toBe(7)
  expect(await readFile(peer.output('file'), 'utf8')).toBe('content')
  const metrics = await (await fetch(peer.metricsUrl)).text()
  expect(metrics).toContain('dragonfly_client_download_traffic{type="BACK_TO_SOURCE"} 7')
})

test('a killed daemon starts again on its directory', async () => {
  await using origin = await startOrigin()
  await using swarm = await startProcessSwarm(alone())
  const [peer] = swarm.peers
  if (peer === undefined) throw new Error('no peer')
  const url = origin.put('file', Buffer.from('content'))
  await peer.download(url)
  const { pid } = peer
  await peer.kill()
  expect(isAlive(pid)).toBe(false)
  await peer.restart()
  expect(peer.pid).not.toBe(pid)
  expect((await peer.download(url)).bytesFromCache).toBe(7)
})

test('a daemon that cannot start is reported with the end of its log, and the others are stopped', async () => {
  await using dir = await tmpDir()
  const options = alone({ dir: dir.path, daemonConfig: { nonsense: 1 } })
  await expect(startProcessSwarm(options)).rejects.toThrow(
    /process peer-0 ended at its start \(code 1\).*nonsense/s,
  )
  expect(existsSync(join(dir.path, 'peer-0', 'log'))).toBe(true)
})

test('a program that does not exist is an error', async () => {
  const commands = { scheduler: [], dfdaemon: ['/does/not/exist'] }
  await expect(startProcessSwarm(alone({ commands }))).rejects.toThrow('cannot be started')
})

test('an aborted start rejects with the reason', async () => {
  await using dir = await tmpDir()
  const controller = new AbortController()
  const starting = startProcessSwarm(alone({ dir: dir.path, signal: controller.signal }))
  const reason = new Error('enough')
  controller.abort(reason)
  await expect(starting).rejects.toBe(reason)
})
