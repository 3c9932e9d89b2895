import { fileURLToPath } from 'node:url'
import type { BenchCase, BenchOptions } from '../harness/bench.ts'
import { runScript } from '../harness/run-script.ts'
import { median } from '../harness/stats.ts'
import type { CoreFigures, CoreShape } from './core-job.ts'

const program = fileURLToPath(new URL('core-job.ts', import.meta.url))

const decisions = 100_000

const shapes: readonly (CoreShape & { name: string })[] = [
  { name: '1 task of 100,000 peers', tasks: 1, peersPerTask: 100_000, decisions },
  { name: '10 tasks of 10,000 peers', tasks: 10, peersPerTask: 10_000, decisions },
  { name: '1,000 tasks of 100 peers', tasks: 1_000, peersPerTask: 100, decisions },
]

const note =
  '10,000 hosts in 250 racks, 256 pieces, 18 parents of 16 asked for anew; a decision is the whole event with filters and edges, its rate is per second of processor time.'

/** Decisions and memory of the core with 100,000 peers. */
export async function core({
  runs = 3,
  log,
  signal,
}: Pick<BenchOptions, 'runs' | 'log' | 'signal'>): Promise<BenchCase[]> {
  const cases: BenchCase[] = []
  for (const { name, ...shape } of shapes) {
    log(`core, ${name}: ${runs} runs`)
    const figures: CoreFigures[] = []
    for (let run = 0; run < runs; run++) {
      figures.push(await runScript<CoreFigures>(program, shape, signal))
    }
    const of = (what: keyof CoreFigures) => median(figures.map((one) => one[what]))
    cases.push(
      {
        name: `decisions, ${name}`,
        unit: 'decisions/s',
        ours: of('decisionsPerSec'),
        aim: '>= 80000',
        note,
      },
      {
        name: `decision p99, ${name}`,
        unit: 'us',
        ours: of('decisionP99Us'),
        aim: '<= 50',
        note,
      },
      {
        name: `memory, ${name}`,
        unit: 'B/peer',
        ours: of('bytesPerPeer'),
        aim: '<= 512',
        note,
      },
    )
  }
  return cases
}
