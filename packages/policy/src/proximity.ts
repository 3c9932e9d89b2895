import type { HostColumns } from './swarm-view.ts'

/** How near two hosts are, nearest first; `unknown` when the child did not say where it stands. */
export const tier = { rack: 0, idc: 1, region: 2, far: 3, unknown: 4 } as const

export function tierOf(host: HostColumns, child: number, other: number): number {
  if (!hasPlace(host, child)) return tier.unknown
  if (isSamePlace(host.rack, child, other)) return tier.rack
  if (isSamePlace(host.idc, child, other)) return tier.idc
  if (isSamePlace(host.region, child, other)) return tier.region
  return tier.far
}

export const hasPlace = ({ rack, idc, region }: HostColumns, host: number): boolean =>
  rack[host] !== 0 || idc[host] !== 0 || region[host] !== 0

const isSamePlace = (places: Uint16Array | Uint8Array, a: number, b: number): boolean =>
  places[a] !== 0 && places[a] === places[b]
