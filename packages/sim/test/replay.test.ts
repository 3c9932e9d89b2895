import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom, systemDisk } from '@damselfly/core'
import { createPolicy } from '@damselfly/policy'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { randomSwarm } from '../../scheduler/src/experiments/shadow/shadow-fixture.ts'
import { takeSnapshot } from '../../scheduler/src/experiments/shadow/snapshot.ts'
import { replayCommand } from '../src/commands/replay.ts'

let file: string
beforeEach(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'replay-'))
  onTestFinished(() => systemDisk.remove(dir))
  file = join(dir, 'decisions.jsonl')
  await writeFile(file, `${decisions(20).join('\n')}\n{"at":1`)
})

/** Of the policy `default`, as the scheduler writes them down. */
function decisions(count: number): string[] {
  const policy = createPolicy('default')
  const view = randomSwarm(80)
  return Array.from({ length: count }, (_, child) => {
    const [out, old] = [new Int32Array(8), new Int32Array(0)]
    const size = policy.parents(view, child, 8, seededRandom(child), out, old)
    const decision = { view, child, k: 8, old, chosen: out.subarray(0, size) }
    const origin = { policy: 'default', policyVersion: policy.version, seed: child }
    return JSON.stringify(takeSnapshot(decision, origin))
  })
}

async function run(...args: string[]): Promise<string> {
  const printed: string[] = []
  const out = { print: (text: string) => void printed.push(text), note: () => {} }
  expect(await replayCommand.run(args, out)).toBe(0)
  return printed.join('\n')
}

describe('replay', () => {
  it('finds the same choices with the same policy, and others with another one', async () => {
    const same = JSON.parse(await run(file, '--policy', 'default', '--json'))
    expect(same).toMatchObject({ policy: 'default', decisions: 20, overlap: 1, passedOver: 1 })
    const other = JSON.parse(await run(file, '--policy', 'random', '--json'))
    expect(other.overlap).toBeLessThan(0.5)
  })

  it('tells a person', async () => {
    const text = await run(file, '--policy', 'default', '--params', '{"sampleSize":24}')
    expect(text).toContain('default, asked again for 20 decisions, lines that are none: 1:')
    expect(text).toContain('100.0 % of the parents')
  })

  it('says what is missing or wrong', async () => {
    await expect(run('--policy', 'random')).rejects.toThrow('Name a file')
    await expect(run(file, '--params', '{')).rejects.toThrow('--params is no JSON')
    await expect(run(file, '--policy', 'none')).rejects.toMatchObject({ code: 'InvalidConfig' })
  })
})
