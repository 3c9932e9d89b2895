import type { Worker } from 'node:worker_threads'
import { expect, it, onTestFinished } from 'vitest'
import { type Member, sha256File, startConstellation, startOrigin } from '../src/index.ts'

const MiB = 1024 * 1024

/** Threads that are started from now on, of every daemon in this process. */
function watchThreads(): Worker[] {
  const threads: Worker[] = []
  const listener = (thread: Worker): void => void threads.push(thread)
  process.on('worker', listener)
  onTestFinished(() => void process.off('worker', listener))
  return threads
}

async function setUp(threads: number) {
  const origin = await startOrigin()
  const swarm = await startConstellation({ daemonConfig: { transfer: { threads } }, peers: 2 })
  onTestFinished(async () => {
    await swarm.stop()
    await origin.stop()
  })
  const [parent, child] = swarm.peers as [Member, Member]
  return { origin, swarm, parent, child }
}

it('a receiving thread that dies is replaced, and the download goes on', async () => {
  const { origin, parent, child } = await setUp(1)
  const url = origin.put('/f', { sizeBytes: 40 * MiB, seed: 1 })
  await parent.download(url)
  const threads = watchThreads()
  const outputPath = child.output('copy')
  let pieces = 0
  const { bytesFromOrigin } = await child.download(url, {
    outputPath,
    onMessage: ({ response }) => {
      if (response.case !== 'downloadPieceFinishedResponse') return
      pieces += 1
      if (pieces === 2) void threads[0]?.terminate()
    },
  })
  expect(bytesFromOrigin).toBe(0)
  expect(threads.length).toBe(2)
  expect(await sha256File(outputPath)).toBe(await origin.digest('/f'))
})

it('a daemon whose sending thread dies stops, and says why', async () => {
  const threads = watchThreads()
  const { parent } = await setUp(1)
  // The first thread of the first daemon.
  await threads[0]?.terminate()
  await expect(parent.daemon.closed).rejects.toMatchObject({
    message: expect.stringContaining('The send thread ended'),
  })
})

it('threads end with their daemon', async () => {
  const threads = watchThreads()
  const { origin, parent, child } = await setUp(2)
  const url = origin.put('/f', { sizeBytes: 40 * MiB, seed: 1 })
  await parent.download(url)
  await child.download(url)
  // One that sends for each daemon, and some that receive.
  expect(threads.length).toBeGreaterThan(3)
  const ended = threads.map((thread) => new Promise((resolve) => thread.once('exit', resolve)))
  await Promise.all([parent.stop(), child.stop()])
  await Promise.all(ended)
})
