import { areSameValidators, type TaskId } from '@damselfly/core'
import type { CoreState } from './core-state.ts'
import { dropDigests, isWatched } from './digests.ts'
import type { ResolveEvent } from './events.ts'
import type { ResolveFailure, TaskFacts } from './facts.ts'
import { contentChanged, retireTask } from './retire.ts'

/** What is known about a task's content, and who is finding it out. */
export interface Resolution {
  /** Only ever what a caller has found at the origin. */
  facts: TaskFacts | undefined
  /** The facts before, while there are none because the origin contradicted them. */
  contradicted: TaskFacts | undefined
  /** The call that asks the origin now. */
  elected: number | undefined
  electedAt: number
  readonly waiting: Set<number>
  /** Since when nobody has needed the facts. */
  idleSince: number | undefined
}

export interface Resolutions {
  readonly byTask: Map<TaskId, Resolution>
  readonly byCall: Map<number, TaskId>
}

export const createResolutions = (): Resolutions => ({ byTask: new Map(), byCall: new Map() })

/** damselfly.v1.Swarm/ResolveTask: the origin is asked for length and headers once for the whole swarm. */
export function onResolve(state: CoreState, all: Resolutions, event: ResolveEvent): void {
  if (event.type === 'resolveAsked') {
    if (event.stale !== undefined) dropStale(state, all, event.taskId, event.stale)
    ask(state, all, event.callId, event.taskId)
    return
  }
  const { callId } = event
  const taskId = all.byCall.get(callId)
  const resolution = taskId === undefined ? undefined : all.byTask.get(taskId)
  all.byCall.delete(callId)
  if (taskId === undefined || resolution === undefined) {
    state.counters.strayMessages += 1
    return
  }
  const wasElected = resolution.elected === callId
  forget(all, resolution, callId)
  if (event.type === 'resolveFound') {
    // Late facts, of a caller that has lost its turn, count only while there are no others.
    if (wasElected || resolution.facts === undefined) {
      renew(state, resolution, taskId, event.facts)
      tellKnown(state, all, resolution, event.facts)
    }
  } else if (event.type === 'resolveFailed' && wasElected) {
    onFailure(state, all, resolution, event.failure)
  } else if (wasElected) {
    elect(state, resolution)
  }
}

/** The origin contradicts these facts. When they are the ones held here, they and who has that content have to go. */
function dropStale(state: CoreState, all: Resolutions, taskId: TaskId, stale: TaskFacts): void {
  const resolution = all.byTask.get(taskId)
  if (resolution?.facts === undefined || !isSameContent(resolution.facts, stale)) return
  renew(state, resolution, taskId, undefined)
}

/**
 * With other facts than before it is another content, and all who came for the old one have to go: those who are here
 * when the old facts fall, and those who register with them until the new ones are found.
 */
function renew(
  state: CoreState,
  resolution: Resolution,
  taskId: TaskId,
  facts: TaskFacts | undefined,
): void {
  const before = resolution.facts ?? resolution.contradicted
  resolution.facts = facts
  resolution.contradicted = facts === undefined ? before : undefined
  if (before === undefined || (facts !== undefined && isSameContent(before, facts))) return
  dropDigests(state, taskId, contentChanged())
  const task = state.tasks.get(taskId)
  if (task !== undefined) retireTask(state, task)
}

function isSameContent(a: TaskFacts, b: TaskFacts): boolean {
  // Other headers may differ between two answers about one content.
  return (
    a.contentLength === b.contentLength && areSameValidators(a.responseHeader, b.responseHeader)
  )
}

function ask(state: CoreState, all: Resolutions, callId: number, taskId: TaskId): void {
  const resolution = resolutionOf(all, taskId)
  if (resolution.facts !== undefined) {
    state.effects.push({ type: 'resolveKnown', callId, facts: resolution.facts })
    return
  }
  if (resolution.waiting.size >= state.options.maxResolveCallers) {
    state.effects.push({ type: 'resolveFailed', callId, failure: overloaded })
    return
  }
  all.byCall.set(callId, taskId)
  resolution.waiting.add(callId)
  resolution.idleSince = undefined
  if (resolution.elected === undefined) elect(state, resolution)
}

function resolutionOf(all: Resolutions, taskId: TaskId): Resolution {
  const known = all.byTask.get(taskId)
  if (known !== undefined) return known
  const created: Resolution = {
    facts: undefined,
    contradicted: undefined,
    elected: undefined,
    electedAt: 0,
    waiting: new Set(),
    idleSince: undefined,
  }
  all.byTask.set(taskId, created)
  return created
}

function elect(state: CoreState, resolution: Resolution): void {
  const [callId] = resolution.waiting
  resolution.elected = callId
  resolution.electedAt = state.now
  if (callId === undefined) return
  resolution.waiting.delete(callId)
  state.effects.push({ type: 'resolveElected', callId })
}

function forget(all: Resolutions, resolution: Resolution, callId: number): void {
  all.byCall.delete(callId)
  resolution.waiting.delete(callId)
  if (resolution.elected === callId) resolution.elected = undefined
}

function tellKnown(
  state: CoreState,
  all: Resolutions,
  resolution: Resolution,
  facts: TaskFacts,
): void {
  for (const callId of [...resolution.waiting]) {
    forget(all, resolution, callId)
    state.effects.push({ type: 'resolveKnown', callId, facts })
  }
}

function onFailure(
  state: CoreState,
  all: Resolutions,
  resolution: Resolution,
  failure: ResolveFailure,
): void {
  // These speak of one caller's credentials: the next one may be let in.
  if (failure.statusCode === 401 || failure.statusCode === 403) {
    elect(state, resolution)
    return
  }
  for (const callId of [...resolution.waiting]) {
    forget(all, resolution, callId)
    state.effects.push({ type: 'resolveFailed', callId, failure })
  }
}

/** The elected who are silent for too long lose their turn; what they say later still counts. */
export function replaceSilentCallers(state: CoreState, all: Resolutions): void {
  for (const taskId of new Set(all.byCall.values())) {
    const resolution = all.byTask.get(taskId)
    if (resolution?.elected === undefined || resolution.waiting.size === 0) continue
    const isLate = state.now - resolution.electedAt >= state.options.resolveDeadlineMs
    if (isLate) elect(state, resolution)
  }
}

/** Facts that nobody has needed for a while are forgotten. */
export function collectResolutions(state: CoreState, all: Resolutions): void {
  for (const [taskId, resolution] of all.byTask) {
    const hasPeers = (state.tasks.get(taskId)?.members.size ?? 0) > 0
    const isAsked = resolution.elected !== undefined || resolution.waiting.size > 0
    const isNeeded = hasPeers || isAsked || isWatched(state, taskId)
    if (isNeeded) resolution.idleSince = undefined
    else resolution.idleSince ??= state.now
    if (resolution.idleSince !== undefined) {
      const idleMs = state.now - resolution.idleSince
      if (idleMs >= state.options.factsTtlMs) all.byTask.delete(taskId)
    }
  }
}

/** The last peer deleted its copy: the next asker gets fresh facts. */
export function forgetFacts(all: Resolutions, taskId: TaskId): void {
  const resolution = all.byTask.get(taskId)
  if (resolution !== undefined) resolution.facts = undefined
}

const overloaded: ResolveFailure = {
  message: 'Too many callers wait for this task.',
  statusCode: 0,
  responseHeader: {},
  code: 'Overloaded',
}
