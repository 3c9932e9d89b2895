import { expect, it } from 'vitest'
import { runLiveSwarm } from '../src/experiment/live-traffic.ts'
import { simulatePool } from '../src/experiment/swarm-pool.ts'

it('simulates swarms on several threads, in order, as they are simulated here', async () => {
  const control = { policy: 'default', client: {} }
  const candidate = { policy: 'random', client: { concurrency: 1 } }
  const pool = await simulatePool({ swarms: 3, seed: 1, control, candidate })
  expect(pool).toEqual(
    [0, 1, 2].map((number) => ({
      control: runLiveSwarm(number, 1, control),
      candidate: runLiveSwarm(number, 1, candidate),
    })),
  )
  expect(pool[0]?.control.meanSeconds).not.toBe(pool[0]?.candidate.meanSeconds)
})
