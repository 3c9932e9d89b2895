import { isIP } from 'node:net'
import { DfError } from '@damselfly/core'
import type { DataDir } from '../local/data-dir.ts'
import type { PortChooser } from './choose-ports.ts'

export interface DaemonPlan {
  readonly isSeed: boolean
  readonly socketPath: string
  readonly storeDir: string
  readonly grpc: number
  readonly pieces: number
  readonly health: number
  readonly metrics: number
}

/** Everything that `up` decides before anything starts. */
export interface UpPlan {
  readonly host: string
  /** `host` is every address of the machine. */
  readonly isWildcard: boolean
  readonly scheduler: number
  readonly seed: DaemonPlan
  readonly peer: DaemonPlan
  /** What is not as usual, for the user. */
  readonly notes: readonly string[]
}

const schedulerPort = 8002
/** Dragonfly's. */
const peerPorts = { grpc: 4000, pieces: 4005, metrics: 4002, health: 4003 }
/** Ten up, so that they look alike and meet none of Dragonfly's (4000 to 4006). */
const seedPorts = { grpc: 4010, pieces: 4015, metrics: 4012, health: 4013 }

/** Chooses ports and paths. */
export async function planUp(host: string, data: DataDir, ports: PortChooser): Promise<UpPlan> {
  if (isIP(host) === 0) {
    throw new DfError(
      'InvalidArgument',
      `--host: "${host}" is not an IP address; give one of this machine.`,
    )
  }
  const notes: string[] = []
  const replaced: number[] = []
  const choose = async (usual: number): Promise<number> => {
    const { port, isOther } = await ports.choose(usual)
    if (isOther) replaced.push(usual)
    return port
  }
  const daemon = async (
    name: string,
    usual: typeof peerPorts,
  ): Promise<Omit<DaemonPlan, 'isSeed'>> => ({
    socketPath: socketOf(name, data, notes),
    storeDir: data.store(name),
    grpc: await choose(usual.grpc),
    pieces: await choose(usual.pieces),
    health: await choose(usual.health),
    metrics: await choose(usual.metrics),
  })
  const plan = {
    host,
    isWildcard: host === '0.0.0.0' || host === '::',
    scheduler: await choose(schedulerPort),
    peer: { isSeed: false, ...(await daemon('peer', peerPorts)) },
    seed: { isSeed: true, ...(await daemon('seed', seedPorts)) },
  }
  return { ...plan, notes: [...portNotes(replaced), ...notes] }
}

function portNotes(replaced: readonly number[]): string[] {
  if (replaced.length === 0) return []
  const are = replaced.length === 1 ? `Port ${replaced[0]} is` : `Ports ${replaced.join(', ')} are`
  return [`${are} in use; the list shows what is used instead.`]
}

/** The peer has the name of Dragonfly's socket. */
function socketOf(name: string, data: DataDir, notes: string[]): string {
  const path = data.socket(name === 'peer' ? 'dfdaemon' : name)
  if (!path.startsWith(data.run)) {
    notes.push(
      `The data directory's path is too long for a socket in it; the ${name} uses ${path}.`,
    )
  }
  return path
}
