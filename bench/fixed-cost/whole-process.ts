import { join } from 'node:path'
import type { FixedCostWorld } from '../fixed-cost.ts'
import type { BenchCase } from '../harness/bench.ts'
import { interleave } from '../harness/interleave.ts'
import { runProcess } from '../harness/run-process.ts'
import { median } from '../harness/stats.ts'

export interface WholeProcessOptions {
  readonly dfget: readonly string[]
  readonly curl: string
  readonly runs: number
  readonly log: (text: string) => void
  readonly signal: AbortSignal
}

/** dfget from its start to its end, with a daemon that runs already, beside curl. */
export async function wholeProcess(
  world: FixedCostWorld,
  options: WholeProcessOptions,
): Promise<BenchCase[]> {
  const { runs, signal, log } = options
  const commands = commandsFor(world, options)
  const nodeStarts: number[] = []
  // The first start of each program reads it from the disk.
  await runProcess(commands.dfget(world.freshUrl()), { signal })
  await runProcess(commands.curl(world.freshUrl()), { signal })

  const compare = async (urlOfRun: () => string) =>
    interleave(
      runs,
      {
        ours: async () => (await runProcess(commands.dfget(urlOfRun()), { signal })).ms,
        async peer() {
          nodeStarts.push((await runProcess([process.execPath, '-e', '0'], { signal })).ms)
          return (await runProcess(commands.curl(urlOfRun()), { signal })).ms
        },
      },
      signal,
    )
  log(`dfget and curl, ${runs} runs each, fresh and then cached`)
  const fresh = await compare(world.freshUrl)
  const cachedUrl = world.freshUrl()
  await runProcess(commands.dfget(cachedUrl), { signal })
  const cached = await compare(() => cachedUrl)
  const note = `peer is curl; the start of node alone takes ${median(nodeStarts).value.toFixed(0)} ms of ours.`
  return [
    { name: 'dfget, fresh', unit: 'ms', ours: median(fresh.ours), peer: median(fresh.peer), note },
    {
      name: 'dfget, cached',
      unit: 'ms',
      ours: median(cached.ours),
      peer: median(cached.peer),
      note: 'peer is curl, which asks the origin again; the daemon has the file already.',
    },
  ]
}

function commandsFor({ swarm, dir }: FixedCostWorld, { dfget, curl }: WholeProcessOptions) {
  const [daemon] = swarm.peers
  const output = (name: string): string => join(dir, name)
  const endpoint = daemon?.socketPath ?? ''
  return {
    dfget: (url: string): string[] => [
      ...dfget,
      url,
      ...['--output', output('dfget.out'), '--overwrite'],
      ...['--endpoint', endpoint, '--no-progress'],
    ],
    curl: (url: string): string[] => [curl, '-sS', '-f', '-o', output('curl.out'), url],
  }
}
