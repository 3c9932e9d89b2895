import type { Socket } from 'node:net'
import type { Endpoint, Network, OnRead } from '@damselfly/core'
import type { PeerAddress } from './piece.ts'
import type { SecureNetwork } from './secure.ts'

/** A connection that is being made. */
export interface Dialling {
  readonly socket: Socket
  /** The event that says that it stands. */
  readonly readyEvent: 'connect' | 'secureConnect'
  /** Throws when it is not the one that we wanted; to be called when it stands, before anything is sent. */
  check(): void
}

export interface DialDeps {
  readonly network: Network
  readonly secure: SecureNetwork
}

/** Where the peer's pieces are to be had. */
export function dataEndpoint({ endpoint, features }: PeerAddress): Endpoint {
  if (features?.tls === undefined || !('host' in endpoint)) return endpoint
  return { host: endpoint.host, port: features.tls.port }
}

/** Starts connecting to a peer as its features say. Throws for an address that cannot be. */
export function dial(peer: PeerAddress, onread: OnRead, deps: DialDeps): Dialling {
  const { tls } = peer.features ?? {}
  const endpoint = dataEndpoint(peer)
  if (tls !== undefined && 'host' in endpoint) {
    const { socket, check } = deps.secure.connect(endpoint, tls.fingerprint, onread)
    return { socket, readyEvent: 'secureConnect', check }
  }
  const socket = deps.network.connect(endpoint, { onread })
  return { socket, readyEvent: 'connect', check: () => {} }
}
