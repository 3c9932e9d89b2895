import { type Random, seededRandom } from '@damselfly/core'
import { type ClientParams, swarmBound } from '@damselfly/policy'
import type { SwarmRecord } from '@damselfly/scheduler'
import { runScenario } from '../run-scenario.ts'
import { contentBytes, MIB, type Scenario, USUAL_NIC } from '../scenarios/scenario.ts'

/** What is done differently in an arm. */
export interface SimulatedArm {
  readonly policy: string
  readonly client: Partial<ClientParams>
}

export type SimulatedRecord = Omit<SwarmRecord, 'arm' | 'taskId' | 'bornAt' | 'endedAt'>

/** Standard deviation of the logarithm of what links have left beside other traffic, which nobody declares. */
const BUSY_SPREAD = 0.25
/** So many swarms begin with the content at the origin only. */
const COLD_SHARE = 0.25

const pieceCounts = [12, 16, 24] as const

/**
 * The swarm with this number in the traffic of a cluster: small, of any size and length, on links that are busy with other
 * things, so that swarms differ by about a quarter of their time for no reason that the scheduler knows.
 */
export function liveSwarm(number: number, seed: number): Scenario {
  const random = seededRandom((seed * 0x9e37_79b1 + number * 0x85eb_ca77) >>> 0)
  const among = <T>(items: readonly [T, ...T[]]): T =>
    items[Math.floor(random.next() * items.length)] ?? items[0]
  const isCold = random.next() < COLD_SHARE
  return {
    name: `live-${number}`,
    title: 'A swarm of live traffic.',
    peers: 20 + Math.floor(random.next() * 41),
    pieceCount: among(pieceCounts),
    pieceBytes: 4 * MIB,
    seeds: { count: 1, speed: among([1, 2]), ...(isCold ? { startMs: 200 } : {}) },
    nicBytesPerSec: USUAL_NIC * Math.exp(BUSY_SPREAD * normal(random)),
    arrivals: { overBounds: 0.1 },
    ...(isCold ? { origin: 2 } : {}),
  }
}

/** How the swarm would go in an arm; by the uplinks that its hosts declare, as a scheduler would sum it up. */
export function runLiveSwarm(number: number, seed: number, arm: SimulatedArm): SimulatedRecord {
  const scenario = liveSwarm(number, seed)
  const { durations, unfinished, bytes } = runScenario(scenario, { ...arm, seed: seed + number })
  const seconds = [...durations].map((ms) => ms / 1_000)
  const { peers, pieceCount, seeds, origin } = scenario
  const contentLength = contentBytes(scenario)
  return {
    peers,
    failedPeers: unfinished,
    contentLength,
    pieceCount,
    isWarm: origin === undefined,
    idc: '',
    boundSeconds: swarmBound({
      contentLength,
      peerCount: peers,
      seedUplink: USUAL_NIC * seeds.count * seeds.speed,
      peerUplink: USUAL_NIC * peers,
    }),
    meanSeconds: seconds.reduce((sum, each) => sum + each, 0) / seconds.length,
    p99Seconds: seconds[Math.ceil(0.99 * seconds.length) - 1] ?? 0,
    bytes,
  }
}

/** A standard normal number (Box and Muller). */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()))
  return radius * Math.cos(2 * Math.PI * random.next())
}
