import type { Random } from '../seams/random.ts'
import type { TaskId } from './brands.ts'
import { asHostId, asPeerId, asPieceId, type HostId, type PeerId, type PieceId } from './brands.ts'

export interface HostIdentity {
  ip: string
  hostname: string
  isSeed: boolean
}

/** The manager computes it anew from the three facts, so it may not be anything else (interop.md T15). */
export function hostId({ ip, hostname, isSeed }: HostIdentity): HostId {
  return asHostId(`${ip}-${hostname}${seedSuffix(isSeed)}`)
}

/** A new id on every call: each download of a task is a peer of its own. */
export function peerId({ ip, hostname, isSeed }: HostIdentity, random: Random): PeerId {
  return asPeerId(`${ip}-${hostname}-${random.uuid()}${seedSuffix(isSeed)}`)
}

export function pieceId(taskId: TaskId, number: number): PieceId {
  return asPieceId(`${taskId}-${number}`)
}

const seedSuffix = (isSeed: boolean): string => (isSeed ? '-seed' : '')
