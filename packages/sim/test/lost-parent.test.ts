import { expect, it } from 'vitest'
import { playWorld } from '../src/fuzz/run-seed.ts'
import type { HostPlan, Role } from '../src/fuzz/scenario.ts'
import type { HostEnd } from '../src/virtual/virtual-host.ts'

// How soon a download has somebody else when its parent is lost: whole daemons on a virtual clock.

const killedMs = 8_000
const task = { path: '/task', length: 40 * 32 * 1024, pieceLength: 32 * 1024 }

const host = (role: Role, number: number, uplinkBytesPerMs = 200): HostPlan => ({
  name: `${role}-${number}`,
  address: `10.0.${role === 'peer' ? 2 : 0}.${number + 1}`,
  role,
  uplinkBytesPerMs,
})
const [child, parent] = [host('peer', 0), host('peer', 1)]

/** When, after the child's only parent was lost, the first byte was asked for elsewhere, milliseconds. */
async function replacedAfter(how: HostEnd): Promise<number> {
  const lines: string[] = []
  const download = { task, range: undefined }
  const { violations } = await playWorld(
    {
      seed: 1,
      latencyMs: 5,
      originBytesPerMs: 3_840,
      hosts: [host('scheduler', 0), child, parent],
      tasks: [task],
      downloads: [
        { ...download, atMs: 1_000, peer: parent.address },
        { ...download, atMs: 5_000, peer: child.address },
      ],
      faults: [{ kind: 'kill', host: parent.address, how, atMs: killedMs, endMs: 60_000 }],
      healedMs: 60_001,
    },
    (line) => lines.push(line),
  )
  expect(violations).toEqual([])
  const reads = lines.filter((line) => line.includes(`${child.name}      read origin`))
  return Number(reads[0]?.trimStart().split(' ')[0]) * 1_000 - killedMs
}

it('a parent that dies is replaced within a second', async () => {
  const ms = await replacedAfter('reset')
  expect(ms).toBeGreaterThan(0)
  expect(ms).toBeLessThanOrEqual(1_000)
})

it('a parent that falls silent is replaced within two seconds', async () => {
  const ms = await replacedAfter('silent')
  expect(ms).toBeGreaterThan(0)
  expect(ms).toBeLessThanOrEqual(2_000)
})
