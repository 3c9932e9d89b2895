import { tmpDir } from '@damselfly/testkit'
import { type Bench, type BenchCase, BenchError, type BenchOptions } from './harness/bench.ts'
import { collection } from './store/collection.ts'
import { storeKinds } from './store/kinds.ts'
import { records } from './store/records.ts'
import { throughput } from './store/throughput.ts'

const defaultRuns = 5

interface Part {
  readonly name: string
  run(dir: string, options: BenchOptions & { runs: number }): Promise<BenchCase[]>
}

const parts: readonly Part[] = [
  ...storeKinds.map((kind) => ({
    name: kind.name,
    run: (dir: string, options: BenchOptions & { runs: number }) => throughput(kind, dir, options),
  })),
  { name: 'open', run: records },
  { name: 'GC', run: collection },
]

/** The piece store alone, without a network. */
export const store: Bench = {
  name: 'store',
  title: 'the piece store: bytes in and out of each kind, opening, memory, garbage collection',
  async run(options: BenchOptions) {
    const { runs = defaultRuns, only = '' } = options
    const chosen = parts.filter(({ name }) => name.includes(only))
    if (chosen.length === 0) {
      throw new BenchError(`--only must be part of: ${parts.map(({ name }) => name).join(' · ')}`)
    }
    await using dir = await tmpDir()
    const cases: BenchCase[] = []
    for (const part of chosen) cases.push(...(await part.run(dir.path, { ...options, runs })))
    return { bench: 'store', cases }
  },
}
