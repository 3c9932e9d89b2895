import { real } from '../../e2e/interop/world.ts'
import type { BenchCase } from '../harness/bench.ts'
import { interleave } from '../harness/interleave.ts'
import { runProcess } from '../harness/run-process.ts'
import { median } from '../harness/stats.ts'
import type { RustPairWorld } from '../rust-pair.ts'

interface Options {
  readonly runs: number
  /** The command line of ours. */
  readonly dfget: readonly string[]
  readonly log: (text: string) => void
  readonly signal: AbortSignal
}

/** They take a fraction of a second, so that they can be measured more often. */
const runsPerRun = 5

const sizes: readonly (readonly [string, number])[] = [
  ['1 byte', 1],
  ['1 MiB', 1024 ** 2],
]

/** dfget from its start to its end: ours with our daemon, theirs with theirs, of files that nobody has yet. */
export async function smallFiles(
  { world, children }: RustPairWorld,
  { runs, dfget, log, signal }: Options,
): Promise<BenchCase[]> {
  const cases: BenchCase[] = []
  for (const [title, sizeBytes] of sizes) {
    log(`dfget of ${title}`)
    const url = world.origin.put(`/small-${sizeBytes}`, { sizeBytes, seed: 1 })
    let tasks = 0
    const get = (program: readonly string[], { socketPath, output }: typeof children.ours) => {
      const flags = ['--output', output('small'), '--overwrite', '--no-progress']
      // The query makes it another task.
      const command = [...program, `${url}?task=${tasks++}`, ...flags, '--endpoint', socketPath]
      return runProcess(command, { signal })
    }
    const sides = {
      ours: async () => (await get(dfget, children.ours)).ms,
      peer: async () => (await get([real('DRAGONFLY_DFGET')], children.rust)).ms,
    }
    // The first of each program reads it from the disk.
    await interleave(1, sides, signal)
    const { ours, peer } = await interleave(runs * runsPerRun, sides, signal)
    cases.push({
      name: `dfget, ${title}, fresh`,
      unit: 'ms',
      ours: median(ours),
      peer: median(peer),
      note: 'whole process; peer is the Rust dfget with its daemon, which asks the origin past the swarm for files as small.',
    })
  }
  return cases
}
