import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { runSeed } from '../src/fuzz/run-seed.ts'

// Whole daemons and schedulers on virtual seams.

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
/** Hosts die in the first, one of them without a word; the second has a cut. */
const seeds = [6, 7]

async function fingerprints(): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const seed of seeds) {
    const { violations, fingerprint } = await runSeed(seed)
    expect(violations, `seed ${seed}`).toEqual([])
    found[seed] = fingerprint
  }
  return found
}

it('plays the same world from the same seed, in this process and in another one', async () => {
  const first = await fingerprints()
  expect(await fingerprints()).toEqual(first)

  const args = ['fuzz', '--from', String(seeds[0]), '--seeds', String(seeds.length), '--json']
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  expect(JSON.parse(await text(child.stdout))).toMatchObject({
    worlds: seeds.length,
    violations: 0,
    fingerprints: first,
  })
})
