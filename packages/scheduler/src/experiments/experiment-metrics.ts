import { Gauge, type Registry } from 'prom-client'
import type { Experiments } from './experiments.ts'
import type { Judgement } from './judge/judge.ts'

const prefix = 'dragonfly_scheduler_ab_'

/** What is known of the experiment, by candidate; nothing while there is none. */
export function addExperimentMetrics(
  registry: Registry,
  experiments: Pick<Experiments, 'status'>,
): void {
  const gauge = (
    name: string,
    help: string,
    read: (judgement: Judgement) => readonly (readonly [string, number])[],
  ) =>
    new Gauge({
      name: `${prefix}${name}`,
      help,
      labelNames: ['arm'],
      registers: [registry],
      collect() {
        this.reset()
        for (const judgement of experiments.status()?.judgements ?? []) {
          for (const [arm, value] of read(judgement)) this.set({ arm }, value)
        }
      },
    })
  gauge('swarms', 'Swarms that count.', ({ candidate, swarms }) => [
    ['control', swarms.control],
    [candidate, swarms.candidate],
  ])
  gauge('effect', 'Logarithm of the time of downloads, less that of the control.', (judgement) =>
    judgement.effect === undefined ? [] : [[judgement.candidate, judgement.effect.difference]],
  )
  gauge('pvalue_always_valid', 'Chance of such an effect where there is none.', (judgement) =>
    judgement.effect === undefined ? [] : [[judgement.candidate, judgement.effect.pValue]],
  )
  gauge('srm_pvalue', 'Chance of such a split when no swarm gets lost.', (judgement) => [
    [judgement.candidate, judgement.sampleRatioP],
  ])
}
