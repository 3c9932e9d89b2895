import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { plotsOf } from '../report/plots.ts'
import { summarise } from '../report/summary.ts'
import { renderSummaries } from '../report/table.ts'
import { arms, DRAGONFLY, type RunResult, runScenario } from '../run-scenario.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import { findScenario, scenarios } from '../scenarios/scenarios.ts'
import { type Command, positiveInteger, UsageError } from './command.ts'

export const runCommand: Command = {
  name: 'run',
  usage: `run SCENARIO [--policy NAME[,NAME...]] [--seed N] [--peers N] [--out DIR] [--json]
  Simulates one swarm under each policy; "${DRAGONFLY}" is a model of Dragonfly's scheduler and client together.
  --peers N   other than the scenario has
  --out DIR   write plots there: who is done when, bytes between racks, bytes from the origin`,
  async run(args, out) {
    const { positionals, values } = parse(args)
    const scenario = scenarioOf(positionals, values.peers)
    const policies = values.policy.split(',').map(knownPolicy)
    const seed = positiveInteger(values.seed, '--seed')
    const results: RunResult[] = []
    for (const policy of policies) {
      out.note(`${scenario.name}, ${policy}, seed ${seed}`)
      results.push(runScenario(scenario, { policy, seed }))
    }
    if (values.out !== undefined) await writePlots(values.out, scenario, results)
    const summaries = results.map(summarise)
    out.print(
      values.json
        ? JSON.stringify({ runs: summaries })
        : `${scenario.title}\n\n${renderSummaries(summaries)}`,
    )
    return results.every(({ unfinished }) => unfinished === 0) ? 0 : 1
  },
}

export const listCommand: Command = {
  name: 'list',
  usage: `list
  The scenarios and the policies.`,
  async run(_, out) {
    const width = Math.max(...scenarios.map(({ name }) => name.length))
    const lines = scenarios.map(({ name, title }) => `${name.padEnd(width)}  ${title}`)
    out.print(`${lines.join('\n')}\n\nPolicies: ${arms.join(', ')}`)
    return 0
  },
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      policy: { type: 'string', default: 'default' },
      seed: { type: 'string', default: '1' },
      peers: { type: 'string' },
      out: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
}

function scenarioOf([name, ...more]: readonly string[], peers: string | undefined): Scenario {
  const scenario = name === undefined ? undefined : findScenario(name)
  if (scenario === undefined || more.length > 0) {
    throw new UsageError(`Give one scenario: ${scenarios.map((known) => known.name).join(', ')}.`)
  }
  if (peers === undefined) return scenario
  const count = positiveInteger(peers, '--peers')
  return { ...scenario, peers: count, title: `${scenario.title}; here ${count} peers` }
}

function knownPolicy(name: string): string {
  if (arms.includes(name)) return name
  throw new UsageError(`There is no policy "${name}"; there are ${arms.join(', ')}.`)
}

async function writePlots(
  dir: string,
  scenario: Scenario,
  results: readonly RunResult[],
): Promise<void> {
  await mkdir(dir, { recursive: true })
  for (const { name, svg } of plotsOf(scenario, results)) {
    await writeFile(join(dir, `${scenario.name}-${name}.svg`), svg)
  }
}
