import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { runSeed } from '../run-seed.ts'
import type { PlantedBug } from './bugs.ts'
import { copyTree } from './copy-tree.ts'

/** The first world in which the bug was seen. */
export interface FoundBug {
  readonly seed: number
  readonly violations: readonly string[]
}

const root = resolve(fileURLToPath(import.meta.url), '../../../../../..')

/** Plants the bug in a copy of the sources and lets the copy look for it; `undefined` when so many worlds do not show it. */
export async function findBug(bug: PlantedBug, worlds: number): Promise<FoundBug | undefined> {
  const copy = await mkdtemp(join(tmpdir(), 'damselfly-planted-'))
  try {
    await copyTree(root, copy)
    await plant(bug, copy)
    for (let from = 0; from < worlds; ) {
      const found = await fuzz(copy, from, worlds)
      // What is wrong without the bug as well is not its doing.
      if (found === undefined || (await runSeed(found.seed)).violations.length === 0) return found
      from = found.seed + 1
    }
    return undefined
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}

async function plant({ name, file, find, replace }: PlantedBug, copy: string): Promise<void> {
  const path = join(copy, file)
  const source = await readFile(path, 'utf8')
  const [before, after, ...more] = source.split(find)
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`The bug "${name}" cannot be planted: its place in ${file} has changed.`)
  }
  await writeFile(path, `${before}${replace}${after}`)
}

async function fuzz(copy: string, from: number, end: number): Promise<FoundBug | undefined> {
  const main = join(copy, 'packages/sim/src/main.ts')
  const worlds = ['--from', String(from), '--seeds', String(end - from)]
  const child = spawn(process.execPath, [main, 'fuzz', '--first', '--json', ...worlds], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, complaint] = await Promise.all([text(child.stdout), text(child.stderr)])
  try {
    const { failed } = JSON.parse(out) as { failed: FoundBug[] }
    return failed[0]
  } catch (cause) {
    throw new Error(`The fuzzer itself broke: ${complaint}`, { cause })
  }
}
