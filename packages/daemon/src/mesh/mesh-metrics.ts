import type { PieceRecord } from '@damselfly/storage'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { ReceivedBytes, SwarmMessage } from '../swarm/index.ts'

export type MeshMetrics = ReturnType<typeof createMeshMetrics>

/** What happens between this host and its neighbours, summed over all tasks. Names as at the scheduler, which counts the same for all hosts. */
export function createMeshMetrics(registry: Registry) {
  const counter = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name, help, labelNames, registers: [registry] })
  return {
    grants: counter('peer_grants_total', 'Times that a neighbour was let take a piece.'),
    declines: counter(
      'peer_declines_total',
      'Grants of neighbours that were not used: nothing wanted from there, or no place for another piece.',
      ['reason'],
    ),
    hedges: counter('peer_hedges_total', 'Late pieces that were asked of somebody else.', ['won']),
    wastedBytes: counter('peer_wasted_bytes_total', 'Bytes of pieces that came in vain.'),
    switches: counter('peer_parent_switch_total', 'Times that other neighbours were asked for.', [
      'reason',
    ]),
    lost: counter('peer_lost_neighbours_total', 'Neighbours that died or were given up.'),
    bytes: counter('swarm_bytes_total', 'Bytes of pieces received, by where they came from.', [
      'class',
    ]),
  }
}

/** Read when somebody asks. */
export function watchNeighbours(registry: Registry, count: () => number): void {
  new Gauge({
    name: 'peer_neighbours',
    help: 'Links to neighbours now, over all tasks.',
    registers: [registry],
    collect() {
      this.set(count())
    },
  })
}

export function countSaid({ grants, declines }: MeshMetrics, message: SwarmMessage): void {
  if (message.kind === 'grant') grants.inc()
  else if (message.kind === 'decline') declines.inc({ reason: message.reason })
}

/** Of a piece that no neighbour gave: the origin, or one of Dragonfly's peers, whose place nobody knows. */
export function countOther({ bytes }: MeshMetrics, { trafficType, length }: PieceRecord): void {
  if (trafficType === 'local-peer') return
  const from: keyof ReceivedBytes = trafficType === 'back-to-source' ? 'origin' : 'near'
  bytes.inc({ class: from }, length)
}
