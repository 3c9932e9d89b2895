import type { OriginRead } from '../virtual/virtual-origin.ts'
import type { Life } from './cluster.ts'
import type { World } from './invariants.ts'
import type { Fault } from './scenario.ts'

/** Times the content; what a lease that changes hands in mid-piece costs comes on top. */
const allowance = 1.1
/** So long after a fault its consequences may still be felt: what a host does alone, it does to the end. */
const aftermathMs = 60_000

/**
 * Each byte of a version leaves the origin about once: at most 1.10 times the content and a piece for each host that died. Not counted is
 * - what a host has read that has died since: its store is lost, somebody has to read it again;
 * - what a host had read when the origin failed it: whose download fails leaves the swarm with what it has;
 * - what a host reads during a disturbance of its own and a minute after it: cut off from schedulers or others, or fed wrong bytes,
 *   it has to help itself; and a scheduler that loses its connection to a holder takes that for the holder's end;
 * - what a reader gets of an origin that ignores ranges: the whole content, whatever it asked for.
 */
export function originProblems({ origin, scenario, cluster }: World): string[] {
  const hasFailed = ({ path, address, atMs }: OriginRead): boolean =>
    origin.failures.some((f) => f.path === path && f.address === address && f.atMs >= atMs)
  const counted = origin.reads.filter(
    (read) => !hasFailed(read) && isCounted(read, scenario.faults, cluster.lives),
  )
  return scenario.tasks.flatMap(({ path, length, pieceLength }) => {
    const deaths = cluster.lives.filter(({ endMs }) => endMs < Number.POSITIVE_INFINITY).length
    const allowed = allowance * length + deaths * pieceLength
    const versions = Array.from({ length: origin.version(path) }, (_, before) => before + 1)
    return versions.flatMap((version) => {
      const bytes = counted
        .filter((read) => read.path === path && read.version === version)
        .reduce((sum, read) => sum + read.bytes, 0)
      if (bytes <= allowed) return []
      return [
        `The origin sent ${(bytes / length).toFixed(2)} times the ${length} bytes of ${path}.`,
      ]
    })
  })
}

function isCounted(read: OriginRead, faults: readonly Fault[], lives: readonly Life[]): boolean {
  const life = lives.find(
    ({ plan, startMs, endMs }) =>
      plan.address === read.address && startMs <= read.atMs && read.atMs <= endMs,
  )
  if (life === undefined || life.endMs < Number.POSITIVE_INFINITY) return false
  return !faults.some(
    (fault) =>
      fault.atMs <= read.atMs &&
      read.atMs <= fault.endMs + aftermathMs &&
      disturbs(fault, read, lives),
  )
}

/** Whether the fault is an excuse for the read. */
function disturbs(fault: Fault, { address, path }: OriginRead, lives: readonly Life[]): boolean {
  switch (fault.kind) {
    case 'kill':
    case 'restart':
      return isScheduler(fault.host, lives)
    case 'cut':
      return true
    case 'slow':
    case 'break':
      return [fault.from, fault.to].some((end) => end === address || isScheduler(end, lives))
    case 'flip':
      return true
    case 'origin':
      return fault.path === path && fault.fault === 'ignoreRanges'
    case 'change':
      return false
  }
}

const isScheduler = (address: string, lives: readonly Life[]): boolean =>
  lives.some(({ plan }) => plan.address === address && plan.role === 'scheduler')
