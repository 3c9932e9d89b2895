import type { Summary } from '../report/summary.ts'
import { DRAGONFLY } from '../run-scenario.ts'
import type { Gate, Need } from './gate.ts'

const usual = (scenario: string): Need => ({ scenario, policy: 'default' })

type Measure = keyof { [K in keyof Summary as Summary[K] extends number ? K : never]: unknown }

/** One number of one scenario. */
const most = (scenario: string, measure: Measure, limit: number): Gate => ({
  name: `${scenario} ${measure}`,
  limit,
  bound: 'most',
  needs: [usual(scenario)],
  measure: (run) => (run === undefined ? Number.NaN : run[measure]),
})

const coldScenarios = ['cold-0', 'cold-300', 'cold-2500', 'cold-10000', 'cold-seeds3', 'cold-n1000']

/** What has to hold for up to 1,000 peers. Times in bounds, bytes in copies of the content. */
export const gates: readonly Gate[] = [
  most('n100', 'makespan', 1.15),
  most('n100', 'mean', 1.12),
  most('n1000', 'makespan', 1.2),
  most('n1000', 'mean', 1.17),
  most('seeds3', 'makespan', 1.15),
  most('fast-seed', 'makespan', 1.15),
  most('few-pieces', 'makespan', 1.6),
  most('mixed-undeclared', 'makespan', 1.25),
  most('racks4', 'makespan', 1.4),
  most('racks4', 'mean', 1.2),
  most('racks4', 'p99', 1.3),
  most('racks4', 'crossRack', 0.06),
  most('churn', 'makespan', 1.2),
  most('stragglers', 'makespan', 1.4),
  most('poisson', 'mean', 1.05),
  most('poisson', 'p99', 1.15),
  {
    name: 'streaming makespan / n300 makespan',
    limit: 1.03,
    bound: 'most',
    needs: [usual('streaming'), usual('n300')],
    measure: (streaming, rarest) => (streaming?.makespan ?? Number.NaN) / (rarest?.makespan ?? 0),
  },
  most('streaming', 'firstTenth', 0.3),
  ...coldScenarios.map((scenario) => most(scenario, 'originCopies', 1.02)),
  {
    name: 'waste, worst of all',
    limit: 0.005,
    bound: 'most',
    needs: ['n100', 'n1000', 'mixed-undeclared', 'racks4', 'stragglers', 'streaming'].map(usual),
    measure: (...runs) => Math.max(...runs.map(({ waste }) => waste)),
  },
  {
    name: 'n1000 makespan, dragonfly / default',
    limit: 2.5,
    bound: 'least',
    needs: [{ scenario: 'n1000', policy: DRAGONFLY }, usual('n1000')],
    measure: (dragonfly, ours) => (dragonfly?.makespan ?? 0) / (ours?.makespan ?? Number.NaN),
  },
]

/** What takes minutes. Kraken's published numbers are 1.0, 1.8 and 2.2 bounds of 10 s (p50, p99, p99.9). */
export const nightlyGates: readonly Gate[] = [
  most('n10000', 'makespan', 1.25),
  most('cold-n10000', 'originCopies', 1.02),
  most('kraken', 'p50', 1.05),
  most('kraken', 'p99', 1.3),
  most('kraken', 'p999', 1.3),
]
