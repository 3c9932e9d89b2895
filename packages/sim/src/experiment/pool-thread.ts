import { parentPort, workerData } from 'node:worker_threads'
import { runLiveSwarm, type SimulatedArm, type SimulatedRecord } from './live-traffic.ts'

/** What one thread has to simulate: every `step`-th swarm from `first` on, under all arms. */
export interface PoolWork {
  readonly first: number
  readonly step: number
  readonly swarms: number
  readonly seed: number
  readonly arms: readonly SimulatedArm[]
}

/** A swarm under each arm. */
export interface PoolResult {
  readonly number: number
  readonly records: readonly SimulatedRecord[]
}

const { first, step, swarms, seed, arms } = workerData as PoolWork
for (let number = first; number < swarms; number += step) {
  const records = arms.map((arm) => runLiveSwarm(number, seed, arm))
  parentPort?.postMessage({ number, records } satisfies PoolResult)
}
