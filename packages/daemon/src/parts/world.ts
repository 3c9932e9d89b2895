import type { Clock, Disk, Log, Network, Random } from '@damselfly/core'
import type { Source } from '@damselfly/sources'

/** The world of a daemon; what is left out is the real one. */
export interface DaemonDeps {
  readonly log: Log
  /** Version announced to schedulers. */
  readonly version: string
  readonly clock?: Clock
  readonly random?: Random
  readonly network?: Network
  readonly disk?: Disk
  /** Origins beside http's. They are asked on the control thread only, so `transfer.threads` has to be 0. */
  readonly sources?: readonly Source[]
  /** The smallest that a request may name, bytes. Default 4 MiB, as Dragonfly's; simulations get by with less. */
  readonly minPieceLength?: number
}

export type World = Required<DaemonDeps>
