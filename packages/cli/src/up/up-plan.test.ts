import { expect, it } from 'vitest'
import { dataDir } from '../local/data-dir.ts'
import { PortChooser } from './choose-ports.ts'
import { planUp } from './up-plan.ts'

const data = dataDir('/d', { env: {}, cwd: '/' })

/** Ports in `taken` are in use; any port means the next from 50000 on. */
function ports(...taken: readonly number[]): PortChooser {
  let next = 50_000
  return new PortChooser('127.0.0.1', async (_, port) => {
    if (taken.includes(port)) throw Object.assign(new Error('in use'), { code: 'EADDRINUSE' })
    return port === 0 ? next++ : port
  })
}

it('takes the usual ports', async () => {
  const plan = await planUp('127.0.0.1', data, ports())
  expect(plan).toMatchObject({
    scheduler: 8002,
    peer: { isSeed: false, grpc: 4000, pieces: 4005, metrics: 4002, health: 4003 },
    seed: { isSeed: true, grpc: 4010, pieces: 4015, metrics: 4012, health: 4013 },
    notes: [],
  })
  expect(plan.peer.socketPath).toBe('/d/run/dfdaemon.sock')
  expect(plan.seed.socketPath).toBe('/d/run/seed.sock')
  expect(plan.peer.storeDir).not.toBe(plan.seed.storeDir)
})

it('takes others for those in use, and says so', async () => {
  const { scheduler, peer, notes } = await planUp('127.0.0.1', data, ports(8002, 4005))
  expect([scheduler, peer.pieces]).toEqual([50_000, 50_001])
  expect(notes).toEqual(['Ports 8002, 4005 are in use; the list shows what is used instead.'])
})

it('gives no port twice', async () => {
  const chooser = new PortChooser(
    '127.0.0.1',
    async (_, port) => port || 4000 + Math.trunc(attempt++ / 2),
  )
  let attempt = 0
  const chosen = [
    await chooser.choose(4000),
    await chooser.choose(4000),
    await chooser.choose(4000),
  ]
  expect(chosen.map(({ port }) => port)).toEqual([4000, 4001, 4002])
})

it('says that the sockets are not in the data directory', async () => {
  const { notes } = await planUp(
    '127.0.0.1',
    dataDir(`/${'d'.repeat(120)}`, { env: {}, cwd: '/' }),
    ports(),
  )
  expect(notes).toHaveLength(2)
  expect(notes[0]).toContain('too long for a socket')
})

it.each(['example.com', ''])('refuses to serve on %o', async (host) => {
  await expect(planUp(host, data, ports())).rejects.toMatchObject({ code: 'InvalidArgument' })
})

it('refuses an address of another machine', async () => {
  const chooser = new PortChooser('192.0.2.1')
  await expect(planUp('192.0.2.1', data, chooser)).rejects.toThrow(
    /Nothing can be served on 192.0.2.1/,
  )
})
