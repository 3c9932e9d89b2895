import { peerPhase } from '@damselfly/policy'
import { flag, listed } from './columns/peer-table.ts'
import type { CoreState } from './core-state.ts'
import { uncoveredPieces } from './coverage.ts'
import { sharedPeerLease } from './leases.ts'
import type { Peer, Task } from './resources.ts'
import { restAfter } from './select-parents.ts'
import { isLearning } from './serve.ts'
import { isActive, membersOf, missingPieces, usablePeers } from './swarm.ts'

/** Everything that must be true of the tables between two events, as sentences about what is not. For tests. */
export function checkInvariants(state: CoreState): string[] {
  return [
    ...tableProblems(state),
    ...digestProblems(state),
    ...[...state.tasks.values()].flatMap((t) => taskProblems(state, t)),
  ]
}

function tableProblems(state: CoreState): string[] {
  const problems: string[] = []
  const must = (isTrue: boolean, what: string) => {
    if (!isTrue) problems.push(what)
  }
  must(state.dirty.size === 0, 'a task is still dirty')
  for (const peer of state.peers.values()) {
    must(state.hosts.get(peer.host.facts.id) === peer.host, `${peer.id}: its host is gone`)
    must(state.tasks.get(peer.task.id) === peer.task, `${peer.id}: its task is gone`)
    must(peer.host.peers().includes(peer), `${peer.id} is not under its host`)
    must(state.peerTable.get(peer.slot) === peer, `${peer.id}: its row is another's`)
  }
  for (const host of state.hosts.values()) {
    const degree = host.peers().reduce((sum, peer) => sum + peer.childCount, 0)
    must(host.childCount === degree, `${host.facts.id}: degree ${host.childCount}, not ${degree}`)
    must(state.hostTable.outDegree[host.slot] === degree, `${host.facts.id}: wrong column`)
  }
  for (const lease of state.unstarted) {
    must(lease.task.leases.has(lease), 'an ended lease is still expected to start')
  }
  for (const [id, lease] of state.triggers) {
    must(lease.triggerId === id && lease.task.leases.has(lease), `trigger ${id} has no lease`)
  }
  return problems
}

function digestProblems({ digests }: CoreState): string[] {
  const problems: string[] = []
  const must = (isTrue: boolean, what: string) => {
    if (!isTrue) problems.push(what)
  }
  const sums = { bytes: 0, pieces: 0, watchers: 0 }
  for (const { taskId, table, watchers } of digests.byTask.values()) {
    sums.bytes += table.bytes
    sums.pieces += table.count
    sums.watchers += watchers.size
    const all = table.readFrom(0, { except: 0xffff_ffff, max: Number.POSITIVE_INFINITY }).pieces
    must(all.length === table.count, `${taskId}: ${all.length} digests, not ${table.count}`)
    for (const callId of watchers) {
      const watched = digests.byCall.get(callId)?.digests.taskId
      must(watched === taskId, `stream ${callId} does not watch ${taskId}`)
    }
  }
  must(digests.byCall.size === sums.watchers, 'a stream watches what is not there')
  must(digests.bytes === sums.bytes, `${digests.bytes} bytes of digests, not ${sums.bytes}`)
  must(digests.pieces === sums.pieces, `${digests.pieces} digests, not ${sums.pieces}`)
  return problems
}

function taskProblems(state: CoreState, task: Task): string[] {
  const problems: string[] = []
  const must = (isTrue: boolean, what: string) => {
    if (!isTrue) problems.push(`${task.id}: ${what}`)
  }
  const members = membersOf(state, task)
  const known = [...state.peers.values()].filter((peer) => peer.task === task)
  must(known.length === members.length, `${members.length} members, not ${known.length}`)
  must(
    known.every((peer) => members.includes(peer)),
    'a member is not listed',
  )
  const shared = [...task.leases].filter((l) => !l.isSeed && !l.isPrivate)
  must(shared.length <= 1, `${shared.length} peers have leases`)
  for (const lease of task.leases) {
    must(lease.isStarted !== state.unstarted.has(lease), 'a lease is neither started nor expected')
    if (lease.peer === undefined) must(lease.triggerId !== undefined, 'a lease has no holder')
    else must(lease.peer.lease === lease && lease.peer.isStreamOpen, 'a lease has a dead holder')
  }
  const whole = members.filter((p) => p.state === 'Succeeded' && !p.facts.range).length
  must(task.wholeCopies === whole, `${task.wholeCopies} whole copies, not ${whole}`)
  must(state.waitingTasks.has(task) === task.waiting.size > 0, 'waiting is not known')
  const usable = [...usablePeers(state, task)]
  must(usable.length === members.filter((p) => p.isUsable).length, 'a usable peer is not listed')
  for (const peer of usable) must(members.includes(peer) && peer.isUsable, `${peer.id} is listed`)
  for (const { ids, size } of task.racks?.values() ?? []) {
    for (let i = 0; i < size; i++) {
      const peer = state.peerTable.get(ids[i] as number)
      must(usable.includes(peer), `${peer.id} is in a rack`)
    }
  }
  for (const peer of members) problems.push(...peerProblems(state, peer, members))
  return problems
}

function peerProblems(state: CoreState, peer: Peer, members: readonly Peer[]): string[] {
  const problems: string[] = []
  const must = (isTrue: boolean, what: string) => {
    if (!isTrue) problems.push(`${peer.id}: ${what}`)
  }
  const { task } = peer
  must(task.waiting.has(peer) === peer.isWaiting, 'waiting is not listed')
  must(peer.isStreamOpen || !(peer.isWaiting || peer.lease !== undefined), 'waits without a stream')
  must(peer.isStreamOpen || peer.parents.length === 0, 'is gone but has parents')
  const children = members.filter((other) => other.hasParent(peer))
  must(peer.childCount === children.length, `${peer.childCount} children, not ${children.length}`)
  must(peer.heldCount === peer.held().count, 'counts its pieces wrongly')
  const isHolder = peer.heldCount > 0 ? listed.holders : listed.expecting
  const { list, phase, flags } = state.peerTable
  const isListed = list[peer.slot] === (peer.isUsable ? isHolder : listed.nowhere)
  must(isListed, 'is in the wrong list')
  const isRunning = ((flags[peer.slot] ?? 0) & flag.running) !== 0
  must(isRunning === (phase[peer.slot] === peerPhase.running), 'its flag is wrong')
  const couldGive = peer.state === 'Succeeded' || (peer.isStreamOpen && peer.heldCount > 0)
  const isUsable = !peer.host.facts.disableShared && (couldGive || isActive(peer) || peer.isMeshed)
  must(peer.isUsable === isUsable, `usable should be ${isUsable}`)
  if (!peer.isWaiting) return problems
  const missing = missingPieces(peer)
  const isCovered = uncoveredPieces(state, peer, missing).isEmpty
  const isBusy = restAfter(state, peer, missing).count < missing.count
  if (isLearning(state)) return problems
  const waitsInLine = !peer.host.facts.disableShared && sharedPeerLease(task) !== undefined
  must(isCovered || isBusy || waitsInLine, 'waits and nobody fetches what it lacks')
  return problems
}
