import type { Clock, Disk, Log, Network, Random } from '@damselfly/core'

/** The world of a daemon; what is left out is the real one. */
export interface DaemonDeps {
  readonly log: Log
  /** Version announced to schedulers. */
  readonly version: string
  readonly clock?: Clock
  readonly random?: Random
  readonly network?: Network
  readonly disk?: Disk
}

export type World = Required<DaemonDeps>
