import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ProcessSwarm, startProcessSwarm, tmpDir } from '@damselfly/testkit'
import { daemonPart } from './fixed-cost/daemon-part.ts'
import { wholeProcess } from './fixed-cost/whole-process.ts'
import type { Bench, BenchOptions, BenchResult } from './harness/bench.ts'
import { type Nginx, startNginx } from './harness/nginx.ts'
import { ourPrograms, requireProgram } from './harness/programs.ts'

export interface FixedCostWorld {
  readonly swarm: ProcessSwarm
  readonly nginx: Nginx
  /** A URL of the 1-byte file that nobody has asked for yet: the query makes it another task. */
  freshUrl(): string
  /** Where outputs may be written. */
  readonly dir: string
}

const defaultRuns = 20
/** The daemon's part takes a few milliseconds, so that it can be measured more often. */
const daemonRunsPerRun = 10

/** What a download costs however small it is. */
export const fixedCost: Bench = {
  name: 'fixed-cost',
  title: 'a 1-byte file: dfget beside curl, and the part of it that is the daemon',
  async run(options: BenchOptions): Promise<BenchResult> {
    const { log, signal, runs = defaultRuns } = options
    const curl = requireProgram('curl', 'curl')
    const nginxProgram = requireProgram('nginx', 'nginx-light')
    await using dir = await tmpDir()
    const programs = await ourPrograms(options, dir.path)
    await using nginx = await startNginx(nginxProgram, join(dir.path, 'nginx'))
    await writeFile(join(dir.path, 'nginx/www/one'), 'x')
    let tasks = 0
    const freshUrl = (): string => nginx.url(`one?task=${tasks++}`)

    const withSwarm = async <T>(
      shape: { peers: number; seeds: number },
      measure: (world: FixedCostWorld) => Promise<T>,
    ): Promise<T> => {
      const swarmDir = join(dir.path, `swarm-${shape.seeds}`)
      await mkdir(swarmDir)
      await using swarm = await startProcessSwarm({
        commands: programs,
        ...shape,
        dir: swarmDir,
        signal,
      })
      return await measure({ swarm, nginx, freshUrl, dir: dir.path })
    }
    const samples = runs * daemonRunsPerRun
    const seedless = await withSwarm({ peers: 2, seeds: 0 }, async (world) => [
      ...(await wholeProcess(world, { dfget: programs.dfget, curl, runs, log, signal })),
      ...(await daemonPart(world, { kinds: ['cold', 'warm', 'cached'], samples, log, signal })),
    ])
    const seeded = await withSwarm({ peers: 1, seeds: 1 }, (world) =>
      daemonPart(world, { kinds: ['seed'], samples, log, signal }),
    )
    return { bench: 'fixed-cost', cases: [...seedless, ...seeded] }
  },
}
