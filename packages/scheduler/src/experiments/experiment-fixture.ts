import type { Random } from '@damselfly/core'
import type { Experiment } from './experiment.ts'
import { type ExperimentSpec, parseExperiment } from './experiment-schema.ts'
import type { SwarmRecord } from './swarm-record.ts'

const gib = 1024 ** 3

/** A control and one candidate. */
export const anExperiment = (change: Partial<ExperimentSpec> = {}): Experiment =>
  parseExperiment({ name: 'test', candidates: [{ name: 'new' }], ...change })

/** A swarm of 40 peers that took a tenth more than the bound of 10 s. */
export const aRecord = (change: Partial<SwarmRecord> = {}): SwarmRecord => ({
  arm: 'control',
  taskId: 'task',
  bornAt: 0,
  endedAt: 12_000,
  peers: 40,
  failedPeers: 0,
  contentLength: gib,
  pieceCount: 256,
  isWarm: true,
  idc: '',
  boundSeconds: 10,
  meanSeconds: 11,
  p99Seconds: 12,
  bytes: { origin: 0, seed: gib, near: 30 * gib, far: 9 * gib },
  ...change,
})

/** A standard normal number (Box and Muller). */
export function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()))
  return radius * Math.cos(2 * Math.PI * random.next())
}

/** A swarm whose slowness has this mean and spread; everything else about it follows from that. */
export function randomRecord(
  random: Random,
  arm: string,
  { mean, sd }: { mean: number; sd: number },
): SwarmRecord {
  const meanSeconds = 10 * Math.exp(mean + sd * normal(random))
  return aRecord({ arm, meanSeconds, p99Seconds: 1.1 * meanSeconds })
}
