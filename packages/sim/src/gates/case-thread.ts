import { parentPort } from 'node:worker_threads'
import { summarise } from '../report/summary.ts'
import { runScenario } from '../run-scenario.ts'
import { findScenario } from '../scenarios/scenarios.ts'
import type { Case } from './gate.ts'

/** Simulates one case after the other, as it is asked. */
parentPort?.on('message', ({ scenario, policy, seed }: Case) => {
  const found = findScenario(scenario)
  if (found === undefined) throw new RangeError(`There is no scenario "${scenario}".`)
  parentPort?.postMessage(summarise(runScenario(found, { policy, seed })))
})
