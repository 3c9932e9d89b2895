import type { SwarmPair } from './swarm-pool.ts'

/** Mean over the swarms of the logarithm of the candidate's time, less that of the control. */
export function trueEffect(pairs: readonly SwarmPair[]): number {
  const differences = pairs.map(({ control, candidate }) =>
    Math.log(candidate.meanSeconds / control.meanSeconds),
  )
  return differences.reduce((sum, each) => sum + each, 0) / differences.length
}

/** Standard deviation of the control's mean time over the bound, as a logarithm. */
export function spread(pairs: readonly SwarmPair[]): number {
  const values = pairs.map(({ control }) => Math.log(control.meanSeconds / control.boundSeconds))
  const mean = values.reduce((sum, each) => sum + each, 0) / values.length
  const squares = values.reduce((sum, each) => sum + (each - mean) ** 2, 0)
  return Math.sqrt(squares / (values.length - 1))
}

/**
 * The same swarms with the candidate's times made longer or shorter, all by the same factor, so that its true effect is
 * exactly `effect`. What two parameters differ by is never a round number, and changes with every change of the clients.
 */
export function scaledTo(effect: number, pairs: readonly SwarmPair[]): SwarmPair[] {
  const factor = Math.exp(effect - trueEffect(pairs))
  return pairs.map(({ control, candidate }) => ({
    control,
    candidate: {
      ...candidate,
      meanSeconds: candidate.meanSeconds * factor,
      p99Seconds: candidate.p99Seconds * factor,
    },
  }))
}
