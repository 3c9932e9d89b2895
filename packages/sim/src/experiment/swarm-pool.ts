import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { SimulatedArm, SimulatedRecord } from './live-traffic.ts'
import type { PoolResult, PoolWork } from './pool-thread.ts'

export interface PoolOptions {
  readonly swarms: number
  readonly seed: number
  readonly control: SimulatedArm
  readonly candidate: SimulatedArm
}

/** The same swarm under both arms, which only a simulator can see. */
export interface SwarmPair {
  readonly control: SimulatedRecord
  readonly candidate: SimulatedRecord
}

/** Simulates swarms of live traffic on all processors; in order, and the same for the same options. */
export async function simulatePool(options: PoolOptions): Promise<SwarmPair[]> {
  const { swarms, seed, control, candidate } = options
  const pairs: SwarmPair[] = []
  const threads = Math.min(availableParallelism(), swarms)
  const works = Array.from({ length: threads }, (_, first): PoolWork => {
    return { first, step: threads, swarms, seed, arms: [control, candidate] }
  })
  await Promise.all(
    works.map((work) =>
      runThread(work, ({ number, records: [first, second] }) => {
        if (first !== undefined && second !== undefined) {
          pairs[number] = { control: first, candidate: second }
        }
      }),
    ),
  )
  return pairs
}

async function runThread(work: PoolWork, take: (result: PoolResult) => void): Promise<void> {
  const worker = new Worker(new URL('./pool-thread.ts', import.meta.url), { workerData: work })
  worker.on('message', take)
  // `once` rejects when the thread dies of an error.
  await once(worker, 'exit')
}
