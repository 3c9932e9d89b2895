import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tmpDir } from '@damselfly/testkit'
import { type Bench, type BenchCase, BenchError, type BenchOptions } from './harness/bench.ts'
import { ConfigRefused } from './harness/bench-swarm.ts'
import { startNginx } from './harness/nginx.ts'
import { ourPrograms, requireProgram } from './harness/programs.ts'
import { randomFile } from './harness/random-file.ts'
import { textFile } from './harness/text-file.ts'
import { measureVariant, type PairWorld, type Subject } from './pair/measure-variant.ts'
import { formatMiB, variantCases } from './pair/variant-cases.ts'
import { type Variant, variants } from './pair/variants.ts'

const defaultRuns = 5
const warmUpFile = 'warm-up'
const warmUpMiB = 128
/** Where Linux has a file system in memory. */
const sharedMemory = '/dev/shm'

/** How fast one daemon gives to another. */
export const pair: Bench = {
  name: 'pair',
  title: 'from one daemon to another, verified, to disk, beside nginx and curl',
  async run(options: BenchOptions) {
    const { log, signal, runs = defaultRuns, sizeMiB } = options
    const chosen = chooseVariants(options)
    const curl = requireProgram('curl', 'curl')
    const nginxProgram = requireProgram('nginx', 'nginx-light')
    await using dir = await tmpDir()
    await using memory = await memoryDir(dir.path)
    const programs = await ourPrograms(options, dir.path)
    await using nginx = await startNginx(nginxProgram, join(dir.path, 'nginx'))
    await writeFile(keyFileIn(dir.path), randomBytes(32).toString('hex'))
    await randomFile(join(dir.path, 'nginx/www', warmUpFile), warmUpMiB)
    const world: PairWorld = {
      programs,
      nginx,
      curl,
      dir: dir.path,
      memoryDir: memory.path,
      warmUpUrl: nginx.url(warmUpFile),
      runs,
      signal,
    }
    const subjects = new Subjects(world)
    const cases: BenchCase[] = []
    for (const template of chosen(keyFileIn(dir.path))) {
      const variant = sizeMiB === undefined ? template : { ...template, sizeMiB }
      log(`${formatMiB(variant.sizeMiB)} ${variant.name}: ${runs} runs each`)
      const subject = await subjects.get(variant)
      try {
        cases.push(...variantCases(variant, await measureVariant(variant, subject, world)))
      } catch (error) {
        if (!(error instanceof ConfigRefused)) throw error
        log(`left out: ${variant.name}: ${error.message}`)
      }
    }
    return { bench: 'pair', cases }
  },
}

const keyFileIn = (dir: string): string => join(dir, 'store.key')

/** Those that the options ask for; an error before anything is prepared when there is none. */
function chooseVariants({ only = '' }: BenchOptions): (keyFile: string) => readonly Variant[] {
  const isChosen = ({ name }: Variant): boolean => name.includes(only)
  const all = variants('')
  if (!all.some(isChosen)) {
    throw new BenchError(`--only must be part of: ${all.map(({ name }) => name).join(' · ')}`)
  }
  return (keyFile) => variants(keyFile).filter(isChosen)
}

async function memoryDir(otherwise: string): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(
    join(existsSync(sharedMemory) ? sharedMemory : otherwise, 'damselfly-'),
  )
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** The files that nginx serves, each made when it is needed first. */
class Subjects {
  readonly #world: PairWorld
  readonly #made = new Map<string, Subject>()

  constructor(world: PairWorld) {
    this.#world = world
  }

  async get({ file, sizeMiB }: Variant): Promise<Subject> {
    const { dir, nginx } = this.#world
    const name = `${file}-${sizeMiB}`
    const made = this.#made.get(name)
    if (made !== undefined) return made
    const write = file === 'text' ? textFile : randomFile
    const sha256 = await write(join(dir, 'nginx/www', name), sizeMiB)
    const subject = { url: nginx.url(name), sizeMiB, sha256 }
    this.#made.set(name, subject)
    return subject
  }
}
