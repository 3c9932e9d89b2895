import { parseArgs } from 'node:util'
import { casesOf, type Gate, type GateResult, judge } from '../gates/gate.ts'
import { gates, nightlyGates } from '../gates/gates.ts'
import { runCases } from '../gates/run-cases.ts'
import { renderTable } from '../report/table.ts'
import { arms } from '../run-scenario.ts'
import { findScenario } from '../scenarios/scenarios.ts'
import { type Command, type Output, positiveInteger, UsageError } from './command.ts'

/** A value that passes in the worst of these holds; more would take too long for every change. */
const usualSeeds = [1, 2]

export const gatesCommand: Command = {
  name: 'gates',
  usage: `gates [--policy NAME] [--seed N[,N...]] [--json]
  What has to hold for up to 1,000 peers, in the worst of the seeds (1 and 2). Exit code 1 when something does not.`,
  run: (args, out) => runGates(args, out, { gates, seeds: usualSeeds }),
}

export const nightlyCommand: Command = {
  name: 'nightly',
  usage: `nightly [--policy NAME] [--seed N[,N...]] [--json]
  The same for 10,000 peers and for the case that Kraken publishes. Takes minutes.`,
  run: (args, out) => runGates(args, out, { gates: nightlyGates, seeds: [1] }),
}

async function runGates(
  args: readonly string[],
  out: Output,
  what: { gates: readonly Gate[]; seeds: readonly number[] },
): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      policy: { type: 'string', default: 'default' },
      seed: { type: 'string', default: what.seeds.join(',') },
      json: { type: 'boolean', default: false },
    },
  })
  const { policy, json } = values
  if (!arms.includes(policy)) {
    throw new UsageError(`There is no policy "${policy}"; there are ${arms.join(', ')}.`)
  }
  const seeds = values.seed.split(',').map((seed) => positiveInteger(seed, '--seed'))
  const startedAt = performance.now()
  const cases = casesOf(what.gates, seeds, policy, sizeOf)
  let done = 0
  const summaries = await runCases(cases, ({ scenario, policy: name, seed, makespan, mean }) => {
    done += 1
    const bounds = `${makespan.toFixed(3)} bounds, mean ${mean.toFixed(3)}`
    out.note(`${done}/${cases.length} ${scenario}, ${name}, seed ${seed}: ${bounds}`)
  })
  const results = what.gates.map((gate) => judge(gate, summaries, seeds, policy))
  const seconds = (performance.now() - startedAt) / 1000
  out.print(json ? JSON.stringify({ gates: results, seconds }) : render(results, seconds))
  return results.every(({ ok }) => ok) ? 0 : 1
}

function sizeOf(name: string): number {
  const scenario = findScenario(name)
  return scenario === undefined ? 0 : scenario.peers * scenario.pieceCount
}

function render(results: readonly GateResult[], seconds: number): string {
  const rows = results.map(({ name, value, limit, ok }) => [
    ok ? 'ok' : 'FAIL',
    name,
    value.toFixed(4),
    String(limit),
  ])
  const failed = results.filter(({ ok }) => !ok).length
  const verdict = failed === 0 ? 'All hold' : `${failed} of ${results.length} do not hold`
  return `${renderTable([['', 'gate', 'value', 'limit'], ...rows])}\n\n${verdict}; ${seconds.toFixed(0)} s.`
}
