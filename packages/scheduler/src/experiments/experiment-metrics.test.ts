import { seededRandom } from '@damselfly/core'
import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { anExperiment, randomRecord } from './experiment-fixture.ts'
import { addExperimentMetrics } from './experiment-metrics.ts'
import type { ExperimentStatus } from './experiments.ts'
import { Judge } from './judge/judge.ts'

it('tells what is known of each arm, and nothing when there is no experiment', async () => {
  const experiment = anExperiment()
  const judge = new Judge(experiment)
  let status: ExperimentStatus | undefined
  const registry = new Registry()
  addExperimentMetrics(registry, { status: () => status })
  expect(await registry.metrics()).not.toMatch(/^dragonfly/m)

  const random = seededRandom(1)
  const run = (swarms: number): void => {
    for (let index = 0; index < swarms; index++) {
      judge.add(randomRecord(random, 'control', { mean: 0, sd: 0.1 }))
      judge.add(randomRecord(random, 'new', { mean: 0.1, sd: 0.1 }))
    }
    status = { experiment, startedAt: 0, swarms, judgements: judge.judgements() }
  }
  run(10)
  const early = await registry.metrics()
  expect(early).toMatch(/^dragonfly_scheduler_ab_swarms\{arm="control"\} 10$/m)
  expect(early).toMatch(/^dragonfly_scheduler_ab_srm_pvalue\{arm="new"\} 1$/m)
  expect(early).not.toMatch(/^dragonfly_scheduler_ab_effect/m)
  run(90)
  const later = await registry.metrics()
  expect(later).toMatch(/^dragonfly_scheduler_ab_swarms\{arm="new"\} 100$/m)
  expect(later).toMatch(/^dragonfly_scheduler_ab_effect\{arm="new"\} 0\.[01]/m)
  expect(later).toMatch(/^dragonfly_scheduler_ab_pvalue_always_valid\{arm="new"\} /m)
})
