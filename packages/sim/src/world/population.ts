import { type Random, seededRandom } from '@damselfly/core'
import { swarmBound } from '@damselfly/policy'
import { NO_RACK } from '../kernel/cabling.ts'
import { contentBytes, type Scenario, USUAL_NIC } from '../scenarios/scenario.ts'

export type HostKind = 'origin' | 'seed' | 'peer'

/** A host as the scenario makes it. Rates in bytes per second, times in milliseconds. */
export interface HostSpec {
  readonly kind: HostKind
  readonly uplink: number
  readonly downlink: number
  /** What it says its uplink is. */
  readonly declaredUplink: number
  readonly rack: number
  readonly arrivesMs: number
  /** Infinity = it lives. */
  readonly diesMs: number
}

export interface Population {
  /** The origin first, then the seeds, then the peers. */
  readonly hosts: readonly HostSpec[]
  readonly firstPeer: number
  /** What no policy can beat, for one peer or all of them. */
  readonly boundMs: number
}

/** The hosts of a scenario: the same ones for every policy that runs with this seed. */
export function populate(scenario: Scenario, seed: number): Population {
  const random = seededRandom(seed ^ 0x5eed)
  const nic = scenario.nicBytesPerSec ?? USUAL_NIC
  const racks = scenario.racks?.count ?? 1
  const boundMs = boundOf(scenario)
  const rackOf = shuffled(scenario.peers, (index) => index % racks, random)
  const factorOf = shuffled(scenario.peers, (index) => uplinkFactor(scenario, index), random)
  const peer = (index: number): HostSpec => {
    const isStraggler = random.next() < (scenario.stragglers ?? 0)
    const factor = factorOf[index] as number
    const dies = random.next() < (scenario.deaths ?? 0)
    const diesAfter = boundMs * (0.2 + 0.6 * random.next())
    const arrivesMs = boundMs * (scenario.arrivals?.overBounds ?? 0) * random.next()
    return {
      kind: 'peer',
      uplink: nic * factor * (isStraggler ? 0.1 : 1),
      downlink: nic * (scenario.downlink ?? 1),
      declaredUplink: scenario.declared === 'same' ? nic : nic * factor,
      rack: rackOf[index] as number,
      arrivesMs,
      diesMs: dies ? arrivesMs + diesAfter : Number.POSITIVE_INFINITY,
    }
  }
  const usual = { arrivesMs: 0, diesMs: Number.POSITIVE_INFINITY }
  const originRate = nic * (scenario.origin ?? 1)
  const origin: HostSpec = {
    ...usual,
    kind: 'origin',
    rack: NO_RACK,
    uplink: originRate,
    downlink: originRate,
    declaredUplink: originRate,
  }
  const hosts = [origin]
  for (let index = 0; index < scenario.seeds.count; index++) {
    const rate = nic * scenario.seeds.speed
    hosts.push({
      ...usual,
      kind: 'seed',
      uplink: rate,
      downlink: rate,
      declaredUplink: rate,
      // Among the peers: in a rack of their own they would not be near anybody.
      rack: index % racks,
    })
  }
  const firstPeer = hosts.length
  for (let index = 0; index < scenario.peers; index++) hosts.push(peer(index))
  return { hosts, firstPeer, boundMs }
}

/**
 * The bound of a scenario in milliseconds: `swarmBound` of what the hosts can carry, stragglers as if they were none, and
 * with racks the time in which a rack's link lets one copy in.
 */
export function boundOf(scenario: Scenario): number {
  const nic = scenario.nicBytesPerSec ?? USUAL_NIC
  const { seeds, peers, origin, racks } = scenario
  const contentLength = contentBytes(scenario)
  const meanFactor = (scenario.uplinks ?? [{ share: 1, factor: 1 }]).reduce(
    (sum, { share, factor }) => sum + share * factor,
    0,
  )
  const seconds = swarmBound({
    contentLength,
    peerCount: peers,
    seedUplink: nic * seeds.count * seeds.speed,
    peerUplink: nic * peers * meanFactor,
    minDownlink: nic * (scenario.downlink ?? 1),
    ...(origin === undefined ? {} : { originRate: nic * origin }),
  })
  if (racks === undefined) return seconds * 1000
  const rackRate = (nic * (peers / racks.count)) / racks.oversubscription
  return Math.max(seconds, contentLength / rackRate) * 1000
}

function uplinkFactor({ uplinks, peers }: Scenario, index: number): number {
  let below = 0
  for (const { share, factor } of uplinks ?? []) {
    below += share
    if (index < below * peers) return factor
  }
  return uplinks?.at(-1)?.factor ?? 1
}

/** So many values, one of each index, in random order: who comes first is nobody in particular. */
function shuffled(count: number, valueAt: (index: number) => number, random: Random): number[] {
  const values = Array.from({ length: count }, (_, index) => valueAt(index))
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1))
    const moved = values[i] as number
    values[i] = values[j] as number
    values[j] = moved
  }
  return values
}
