import { existsSync } from 'node:fs'
import { type Daemon, World } from '../e2e/interop/world.ts'
import { type Bench, BenchError, type BenchOptions } from './harness/bench.ts'
import { ourPrograms } from './harness/programs.ts'
import { smallFiles } from './rust-pair/small-files.ts'
import { transfers } from './rust-pair/transfers.ts'

/** Ours and the real Rust daemons, in one swarm of our scheduler. */
export interface RustPairWorld {
  readonly world: World
  readonly parents: Readonly<Record<Daemon['kind'], Daemon>>
  readonly children: Readonly<Record<Daemon['kind'], Daemon>>
}

const defaultRuns = 3
const needed = { DRAGONFLY_DFDAEMON: 'the Rust dfdaemon', DRAGONFLY_DFGET: 'its dfget' }

/** Each of ours and theirs gives to each of ours and theirs. */
export const rustPair: Bench = {
  name: 'rust-pair',
  title: 'from daemon to daemon, to disk, beside the Rust dfdaemon; small files by dfget',
  async run(options: BenchOptions) {
    requireDragonfly()
    const { runs = defaultRuns } = options
    await using building = await World.start()
    const programs = await ourPrograms(options, building.dir)
    await using world = await World.start((name) => programs[name])
    const schedulers = [(await world.ourScheduler()).address]
    const swarm: RustPairWorld = {
      world,
      parents: {
        ours: await world.ourDaemon({ name: 'ours-parent', schedulers }),
        rust: await world.rustDaemon({ name: 'rust-parent', schedulers }),
      },
      children: {
        ours: await world.ourDaemon({ name: 'ours-child', schedulers }),
        rust: await world.rustDaemon({ name: 'rust-child', schedulers }),
      },
    }
    const small = await smallFiles(swarm, { ...options, runs, dfget: programs.dfget })
    return {
      bench: 'rust-pair',
      cases: [...(await transfers(swarm, { ...options, runs })), ...small],
    }
  },
}

function requireDragonfly(): void {
  const missing = Object.entries(needed).filter(
    ([variable]) => !existsSync(process.env[variable] ?? ''),
  )
  if (missing.length === 0) return
  const list = missing.map(([variable, what]) => `  ${variable}: path of ${what}`).join('\n')
  throw new BenchError(
    `This benchmark runs programs that Damselfly does not contain. Set in the environment:\n${list}`,
  )
}
