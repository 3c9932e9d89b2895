import type { Summary } from '../report/summary.ts'
import { DRAGONFLY } from '../run-scenario.ts'

/** One swarm to simulate. */
export interface Case {
  readonly scenario: string
  readonly policy: string
  readonly seed: number
}

/** A number that must not pass its limit, in the worst of the seeds that are run. */
export interface Gate {
  readonly name: string
  readonly limit: number
  /** `most`: the value must not be above the limit. */
  readonly bound: 'most' | 'least'
  /** Scenarios, each under a policy, that it looks at. */
  readonly needs: readonly Need[]
  /** The value of one seed, from the runs in the order of `needs`. */
  readonly measure: (...runs: readonly Summary[]) => number
}

export interface Need {
  readonly scenario: string
  readonly policy: string
}

export interface GateResult {
  readonly name: string
  readonly value: number
  readonly limit: number
  readonly ok: boolean
}

/** What the gates need, each once, the largest first so that no processor waits for the last one. */
export function casesOf(
  gates: readonly Gate[],
  seeds: readonly number[],
  policy: string,
  sizeOf: (scenario: string) => number,
): Case[] {
  const cases = new Map<string, Case>()
  for (const { needs } of gates) {
    for (const need of needs) {
      for (const seed of seeds) {
        const one = { scenario: need.scenario, policy: policyOf(need, policy), seed }
        cases.set(keyOf(one), one)
      }
    }
  }
  return [...cases.values()].sort((a, b) => sizeOf(b.scenario) - sizeOf(a.scenario))
}

export function judge(
  gate: Gate,
  summaries: readonly Summary[],
  seeds: readonly number[],
  policy: string,
): GateResult {
  const byKey = new Map(summaries.map((summary) => [keyOf(summary), summary]))
  const values = seeds.map((seed) => {
    const runs = gate.needs.map((need) => {
      const run = byKey.get(
        keyOf({ scenario: need.scenario, policy: policyOf(need, policy), seed }),
      )
      if (run === undefined) throw new RangeError(`${need.scenario} was not run.`)
      return run
    })
    return gate.measure(...runs)
  })
  const value = gate.bound === 'most' ? Math.max(...values) : Math.min(...values)
  const ok = gate.bound === 'most' ? value <= gate.limit : value >= gate.limit
  return { name: gate.name, value, limit: gate.limit, ok }
}

/** The gates speak of the default policy; another one may stand in its place to be admitted. */
const policyOf = (need: Need, policy: string): string =>
  need.policy === DRAGONFLY ? DRAGONFLY : policy

const keyOf = ({ scenario, policy, seed }: Case): string => `${scenario} ${policy} ${seed}`
