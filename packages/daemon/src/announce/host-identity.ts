import { hostname, networkInterfaces } from 'node:os'
import { type HostId, hostId } from '@damselfly/core'

/** Who this daemon is in the swarm. */
export interface HostIdentity {
  readonly id: HostId
  /** The advertised address, an IP literal (trap T7). */
  readonly ip: string
  readonly hostname: string
  readonly isSeed: boolean
}

export function hostIdentity(options: {
  ip?: string | undefined
  hostname?: string | undefined
  isSeed: boolean
}): HostIdentity {
  const name = options.hostname ?? hostname()
  const ip = options.ip ?? firstAddress()
  return {
    id: hostId({ ip, hostname: name, isSeed: options.isSeed }),
    ip,
    hostname: name,
    isSeed: options.isSeed,
  }
}

/** The first IPv4 address that others can reach; loopback on a host without a network. */
function firstAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) {
      if (family === 'IPv4' && !internal) return address
    }
  }
  return '127.0.0.1'
}
