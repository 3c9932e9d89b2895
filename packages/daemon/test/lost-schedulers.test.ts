import { createServer, type Server } from 'node:net'
import {
  type Constellation,
  type Origin,
  sha256File,
  startConstellation,
  startOrigin,
} from '@damselfly/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

// No scheduler costs time, never errors.

const MiB = 1024 * 1024

let origin: Origin
let swarm: Constellation | undefined

beforeEach(async () => {
  origin = await startOrigin()
})
afterEach(async () => {
  await swarm?.stop()
  await origin.stop()
})

const url = () => origin.put('/f', { sizeBytes: 5 * MiB, seed: 1 })

describe('a daemon whose scheduler', () => {
  it('takes connections but never answers goes to the origin', async () => {
    const frozen = await listen(createServer())
    swarm = await startConstellation({
      scheduler: false,
      peers: 1,
      daemonConfig: { scheduler: { addrs: [frozen.address], answerTimeout: '200ms' } },
    })
    const [peer] = swarm.peers
    await peer!.download(url(), { outputPath: peer!.output('f') })
    expect(await sha256File(peer!.output('f'))).toBe(await origin.digest('/f'))
    frozen.close()
  })

  it('does not exist, and that may not go to the origin, fails at once and says why', async () => {
    swarm = await startConstellation({ scheduler: false, peers: 1 })
    const download = swarm.peers[0]!.download(url(), { download: { disableBackToSource: true } })
    await expect(download).rejects.toMatchObject({
      code: 'NoSource',
      message: expect.stringContaining('no scheduler'),
    })
  })

  it('dies with its trigger finishes what the children wait for', async () => {
    swarm = await startConstellation({ peers: 3, seeds: 1 })
    const file = url()
    origin.misbehave('/f', { kind: 'slow', bytesPerSec: 4 * MiB, method: 'GET' })
    const downloads = swarm.peers.map((peer) => peer.download(file))
    await origin.until(() => origin.counters('/f').bodyBytes > MiB)
    await swarm.scheduler!.stop()
    const results = await Promise.all(downloads)
    expect(results.map(({ bytesFromOrigin }) => bytesFromOrigin)).toEqual([0, 0, 0])
    expect(origin.counters('/f').bodyBytes).toBe(5 * MiB)
  })
})

function listen(server: Server): Promise<{ address: string; close: () => void }> {
  const sockets = new Set<{ destroy: () => void }>()
  server.on('connection', (socket) => sockets.add(socket))
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      resolve({
        address: `127.0.0.1:${port}`,
        close: () => {
          for (const socket of sockets) socket.destroy()
          server.close()
        },
      })
    })
  })
}
