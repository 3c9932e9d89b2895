import { createHashFamily } from '@damselfly/core'
import type { Arm, Experiment } from './experiment.ts'

/**
 * The arm of a swarm: weighted rendezvous of the arms for the swarm's task and birth time. Whoever knows the experiment
 * gets the same answer, also after a restart, and a task that is born again is drawn again.
 */
export function drawArm(
  { salt, arms }: Pick<Experiment, 'salt' | 'arms'>,
  taskId: string,
  bornAt: number,
): Arm {
  const weights = new Map(arms.map(({ name, weight }) => [name, weight]))
  const drawn = createHashFamily('hrw', [...weights.keys()], { weights }).pick(
    `${salt}\0${taskId}\0${bornAt}`,
  )
  return arms.find(({ name }) => name === drawn) ?? arms[0]
}
