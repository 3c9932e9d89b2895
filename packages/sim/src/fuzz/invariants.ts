import { checkInvariants } from '@damselfly/scheduler/testing'
import type { Trace } from '../virtual/trace.ts'
import type { VirtualNetwork } from '../virtual/virtual-network.ts'
import type { VirtualOrigin } from '../virtual/virtual-origin.ts'
import type { VirtualTime } from '../virtual/virtual-time.ts'
import type { Outcome } from './client.ts'
import type { Cluster } from './cluster.ts'
import type { Scenario } from './scenario.ts'

/** A world and all that happened in it. */
export interface World {
  readonly scenario: Scenario
  readonly time: VirtualTime
  readonly trace: Trace
  readonly network: VirtualNetwork
  readonly origin: VirtualOrigin
  readonly cluster: Cluster
  readonly outcomes: Outcome[]
}

/** In a world without faults a download may take so long, and the time of so many copies of everything over the slowest link. */
const calmMs = 5_000
const calmCopies = 3

/** Every download has ended, with the right bytes or with an error that the scenario explains. */
export function checkDownloads(world: World): string[] {
  return world.outcomes.flatMap((outcome) => {
    const { life, endMs, error, plan } = outcome
    const who = `${life.plan.name}'s download of ${plan.task.path}, begun at ${outcome.startMs} ms,`
    if (endMs === undefined) return [`${who} has not ended.`]
    if (error === undefined) {
      const problems = [...wrongBytes(outcome, world), ...stalls(outcome, world.scenario)]
      return problems.map((what) => `${who} ${what}`)
    }
    return isPermitted(outcome, world) ? [] : [`${who} failed: ${error.code}, ${error.message}`]
  })
}

/** Where nothing goes wrong nobody has to wait for a timeout. */
function stalls({ startMs, endMs = 0 }: Outcome, scenario: Scenario): string[] {
  const { faults, hosts, tasks, originBytesPerMs } = scenario
  if (faults.length > 0) return []
  const links = hosts.map(({ uplinkBytesPerMs }) => uplinkBytesPerMs)
  const slowest = Math.min(...links, originBytesPerMs)
  const bytes = tasks.reduce((sum, { length }) => sum + length, 0)
  const allowedMs = calmMs + (calmCopies * bytes) / slowest
  const ms = endMs - startMs
  return ms <= allowedMs ? [] : [`took ${ms} ms in a world without faults.`]
}

/** A host that went down takes its downloads along; what the origin did wrong its callers get to hear. */
function isPermitted({ life, error, plan, endMs = 0 }: Outcome, { origin }: World): boolean {
  if (life.endMs <= endMs) return true
  if (error?.blame !== 'source') return false
  const hasFailed = origin.failures.some(
    ({ path, atMs }) => path === plan.task.path && atMs <= endMs,
  )
  return hasFailed || origin.version(plan.task.path) > 1
}

function wrongBytes({ plan, pieces, contentLength, etag }: Outcome, { origin }: World): string[] {
  const { task, range = { start: 0, length: task.length } } = plan
  if (contentLength !== task.length) return [`was told a length of ${contentLength}.`]
  const version = Number(etag?.slice(1, -1))
  if (!(version >= 1 && version <= origin.version(task.path))) return [`claims version ${etag}.`]
  const content = Buffer.from(origin.content(task.path, version))
  const first = Math.floor(range.start / task.pieceLength)
  const end = Math.ceil((range.start + range.length) / task.pieceLength)
  for (let number = first; number < end; number++) {
    const piece = pieces.get(number)
    const offset = number * task.pieceLength
    if (piece === undefined) return [`ended without piece ${number}.`]
    const right = content.subarray(offset, offset + task.pieceLength)
    if (piece.offset !== offset || !right.equals(piece.content)) {
      return [`got a piece ${number} that is not the one of version ${version}.`]
    }
  }
  return []
}

/** The schedulers' tables agree with each other, and nobody holds a lease when nobody downloads. */
export function checkSchedulers({ cluster }: World): string[] {
  return cluster.schedulers().flatMap(({ plan, running }) => {
    const { state } = running.core
    const leases = [...state.tasks.values()].reduce((sum, task) => sum + task.leases.size, 0)
    return [
      ...checkInvariants(state).map((problem) => `${plan.name}: ${problem}`),
      ...(leases === 0 ? [] : [`${plan.name}: ${leases} leases are held though nobody downloads.`]),
    ]
  })
}

/** Nothing is left when all programs have stopped. */
export function checkRest({ cluster }: World, timers: number): string[] {
  const open = cluster.lives.flatMap(({ plan, host }) =>
    host.open === 0 ? [] : [`${plan.name} left ${host.open} sockets and servers open.`],
  )
  return timers === 0 ? open : [...open, `${timers} timers are left.`]
}
