import { createHash } from 'node:crypto'
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
  let [best] = arms
  let least = Number.POSITIVE_INFINITY
  for (const arm of arms) {
    // The first of several exponential waiting times is each one's with a chance in proportion to its rate.
    const waits = -Math.log(uniform(`${salt}\0${arm.name}\0${taskId}\0${bornAt}`)) / arm.weight
    if (waits < least) {
      best = arm
      least = waits
    }
  }
  return best
}

/** In (0, 1), the same for the same text. */
function uniform(text: string): number {
  const hash = createHash('sha256').update(text).digest()
  return (hash.readUIntBE(0, 6) + 0.5) / 2 ** 48
}
