import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { type Constellation, startConstellation } from '../../testkit/src/constellation.ts'
import { startOrigin } from '../../testkit/src/origin-server.ts'
import { damselfly } from '../src/programs/damselfly.ts'
import { fakeContext } from './support/fake-io.ts'

const MiB = 1024 * 1024

let swarm: Constellation

beforeEach(async () => {
  swarm = await startConstellation({ peers: 3, seeds: 1 })
  onTestFinished(() => swarm.stop())
})

async function why(...args: readonly string[]) {
  const context = fakeContext({ cwd: '/', env: { HOME: '/nowhere' } })
  const exitCode = await damselfly(['why', ...args], context)
  return { exitCode, out: context.io.out(), err: context.io.err() }
}

/** Three peers have the file, the origin gave it to the seed. */
async function downloaded(): Promise<string> {
  const origin = await startOrigin()
  onTestFinished(() => origin.stop())
  const url = origin.put('/f', { sizeBytes: 8 * MiB, seed: 1 })
  const results = await Promise.all(swarm.peers.map((peer) => peer.download(url)))
  return results[0]?.taskId ?? ''
}

describe('damselfly why', () => {
  it('explains a download', async () => {
    const taskId = await downloaded()
    const { exitCode, out, err } = await why(taskId, '--scheduler', swarm.schedulerAddress)
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
    expect(out).toContain(`Task ${taskId}: 8 MiB in `)
    expect(out).toContain('Where the bytes came from')
    expect(out).toMatch(/seed \S+ was sent for pieces? \d.*: nobody had what \S+ wanted\./)
    expect(out).toContain('Who is slow\n  Nobody stands out.')
    expect(out).toMatch(/\S+ got \d+ \(\+\) of \d+ looked at \(-\)\n {2}PARENT +DISTANCE +UPLINK/)
  })

  it('tells the scores of parents as JSON, and whom each decision was for', async () => {
    const taskId = await downloaded()
    const { out } = await why(taskId, '--scheduler', swarm.schedulerAddress, '--json')
    const { swarms } = JSON.parse(out)
    expect(swarms).toMatchObject([{ address: swarm.schedulerAddress, slow: [] }])
    const { decisions } = swarms[0].swarm
    expect(decisions.length).toBeGreaterThanOrEqual(3)
    expect(decisions[0].parents.length).toBeGreaterThan(0)
    for (const { score } of decisions.flatMap((one: { parents: unknown }) => one.parents)) {
      if (score !== undefined) expect(score.total).toBeGreaterThan(0)
    }
    const { child } = decisions[0]
    const { out: text } = await why(taskId, '--scheduler', swarm.schedulerAddress, '--of', child)
    expect(text.split(' looked at ').length - 1).toBeLessThan(decisions.length)
  })

  it('says that nobody knows a task', async () => {
    const { exitCode, out, err } = await why('0'.repeat(64), '--scheduler', swarm.schedulerAddress)
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' })
    expect(err).toContain(`${swarm.schedulerAddress} does not know the task 000`)
  })

  it('asks several schedulers, and says which one could not be asked', async () => {
    const taskId = await downloaded()
    const both = `127.0.0.1:1,${swarm.schedulerAddress}`
    const { exitCode, out, err } = await why(taskId, '--scheduler', both)
    expect(exitCode).toBe(0)
    expect(out).toContain(`Task ${taskId}`)
    expect(err).toContain('The scheduler at 127.0.0.1:1 does not answer')
    const unknown = await why('0'.repeat(64), '--scheduler', both)
    expect(unknown.exitCode).not.toBe(0)
    expect(unknown.err).toContain('The scheduler at 127.0.0.1:1 does not answer')
  })

  it('says that there is no scheduler', async () => {
    const { exitCode, err } = await why('0'.repeat(64), '--scheduler', '127.0.0.1:1')
    expect(exitCode).not.toBe(0)
    expect(err).toContain('does not answer; name another one with --scheduler')
    const { out } = await why('0'.repeat(64), '--scheduler', '127.0.0.1:1', '--json')
    expect(JSON.parse(out)).toMatchObject({ event: 'error', code: 'SchedulerUnavailable' })
  })
})
