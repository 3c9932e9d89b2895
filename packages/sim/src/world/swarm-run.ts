import { type Random, seededRandom } from '@damselfly/core'
import { VirtualWorld } from '../kernel/virtual-world.ts'
import { type Scenario, USUAL_NIC } from '../scenarios/scenario.ts'
import { type Population, populate } from './population.ts'
import { Tally } from './tally.ts'

/** One way, from program to program, milliseconds: a request within the site takes 1 ms until its answer begins. */
export const latencyMs = { rack: 0.5, site: 0.5, wide: 5 } as const

/** What every model of a swarm starts from: the same hosts, links and chance for the same scenario and seed. */
export interface SwarmRun {
  readonly scenario: Scenario
  readonly seed: number
  readonly population: Population
  readonly world: VirtualWorld
  readonly tally: Tally
  readonly random: Random
}

export const ORIGIN = 0

export function createSwarmRun(scenario: Scenario, seed: number): SwarmRun {
  const population = populate(scenario, seed)
  const { racks, nicBytesPerSec, peers } = scenario
  const nic = (nicBytesPerSec ?? USUAL_NIC) / 1000
  const world = new VirtualWorld({
    latencyMs,
    ...(racks === undefined
      ? {}
      : { rackBytesPerMs: (nic * (peers / racks.count)) / racks.oversubscription }),
  })
  for (const { kind, uplink, downlink, rack } of population.hosts) {
    world.cabling.addHost({
      upBytesPerMs: uplink / 1000,
      downBytesPerMs: downlink / 1000,
      rack,
      site: kind === 'origin' ? 1 : 0,
    })
  }
  const tally = new Tally(population, scenario.pieceCount)
  return { scenario, seed, population, world, tally, random: seededRandom(seed) }
}
