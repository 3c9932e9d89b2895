import { type Random, randomInt } from '@damselfly/core'
import {
  drawArm,
  type Experiment,
  Judge,
  type Judgement,
  parseExperiment,
} from '@damselfly/scheduler'
import type { SwarmPair } from './swarm-pool.ts'

/** How one simulated experiment went. */
export interface Trial {
  readonly verdict: Judgement['verdict']
  readonly cause: Judgement['cause']
  /** The test called it an effect after so many swarms of the smaller arm; absent when it did not. */
  readonly foundAt?: number
  readonly judgement: Judgement
}

export interface TrialOptions {
  /** Swarms per arm after which nobody waits any longer. */
  readonly swarmsPerArm: number
  readonly random: Random
}

/** People look after so many swarms; the test looks after each. */
const LOOK_EVERY = 20
const CANDIDATE = 'candidate'

/**
 * One experiment on live traffic: swarms of the pool come in random order, any number of times, each is born anew and drawn
 * an arm, and goes as it went under that arm. It ends with the first verdict that is not to continue.
 */
export function runTrial(
  pairs: readonly SwarmPair[],
  { swarmsPerArm, random }: TrialOptions,
): Trial {
  const experiment = newExperiment(swarmsPerArm, random)
  const judge = new Judge(experiment)
  for (let born = 0; ; born++) {
    const taskId = `task-${born}`
    const arm = drawArm(experiment, taskId, born).name
    const pair = pairs[randomInt(random, pairs.length)]
    if (pair === undefined) throw new RangeError('There are no swarms.')
    const record = arm === CANDIDATE ? pair.candidate : pair.control
    judge.add({ ...record, arm, taskId, bornAt: born, endedAt: born })
    if (born % LOOK_EVERY !== LOOK_EVERY - 1) continue
    const [judgement] = judge.judgements()
    if (judgement !== undefined && isOver(judgement, swarmsPerArm)) return trialOf(judgement)
  }
}

/** An effect ends it even when some guardrail is not known to hold yet. */
const isOver = ({ verdict, effect, swarms }: Judgement, swarmsPerArm: number): boolean =>
  verdict !== 'continue' ||
  hasEffect(effect) ||
  Math.min(swarms.control, swarms.candidate) >= swarmsPerArm

function hasEffect(effect: Judgement['effect']): boolean {
  return effect !== undefined && (effect.interval.high < 0 || effect.interval.low > 0)
}

function trialOf(judgement: Judgement): Trial {
  const { verdict, cause, effect, swarms } = judgement
  const foundAt = Math.min(swarms.control, swarms.candidate)
  return { verdict, cause, judgement, ...(hasEffect(effect) ? { foundAt } : {}) }
}

function newExperiment(maxSwarmsPerArm: number, random: Random): Experiment {
  return parseExperiment({
    name: 'simulated',
    salt: random.uuid(),
    candidates: [{ name: CANDIDATE }],
    maxSwarmsPerArm: Math.max(30, maxSwarmsPerArm),
  })
}
