import {
  type Clock,
  type Log,
  linkSignals,
  type Random,
  type Running,
  repeatingTask,
  ServiceStack,
  sleep,
  type TaskId,
} from '@damselfly/core'
import {
  type GcReport,
  type GcRun,
  type GcStore,
  type GcVictim,
  type RoomOptions,
  Scrub,
  type ScrubDamage,
  type ScrubDeps,
} from '@damselfly/storage/gc'
import type { Registry } from 'prom-client'
import { Collecting } from './collecting.ts'
import { type GcConfig, gcPolicy } from './config.ts'
import { GoneNotices } from './gone-notices.ts'
import { type StoreCareMetrics, storeCareMetrics } from './metrics.ts'

export interface StoreCareDeps extends Pick<ScrubDeps, 'isBusy' | 'loadCursor' | 'saveCursor'> {
  /** A `PieceStore`. */
  readonly store: GcStore & ScrubDeps['store']
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly registry: Registry
  /** Deletes a task and what the process knows of it. Default: the store's `delete`. */
  readonly remove?: (taskId: TaskId) => Promise<void>
  /** Told of each task that was collected, in the background, with a deadline: the scheduler. */
  readonly tellGone?: (taskId: TaskId, signal: AbortSignal) => Promise<void>
  readonly onDamage?: (damage: ScrubDamage) => void
}

export interface StoreCare extends Running {
  /** One more run now, after the one under way; `onDeleted` hears what it deletes. See `Collector.run`. */
  collect(signal?: AbortSignal, onDeleted?: (victim: GcVictim) => void): Promise<GcRun>
  /** See `Collector.dryRun`. */
  dryRun(options?: { maxRows?: number; signal?: AbortSignal }): Promise<GcReport>
  /** See `Collector.makeRoom`; rejects once the care has stopped. */
  makeRoom(bytes: number, options?: RoomOptions): Promise<boolean>
}

/** Whoever has just started has better things to do. */
const firstRunMs = 10_000
/** Between the end of a run of the scrub and the question whether the next round is due. */
const scrubCheckMs = 60_000

/** Keeps the store within its limits and its pieces intact until it is stopped. */
export function startStoreCare(config: GcConfig, deps: StoreCareDeps): StoreCare {
  const stack = new ServiceStack()
  const metrics = storeCareMetrics(deps.registry)
  const collecting = startCollecting(config, deps, { stack, metrics })
  if (config.scrub.enable) startScrub(config, deps, { stack, metrics })

  const life = new AbortController()
  stack.push('waits for room', () => life.abort())
  const alive = async <T>(
    signal: AbortSignal | undefined,
    action: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    using linked = linkSignals(signal, life.signal)
    return await action(linked.signal)
  }
  return {
    ...stack.toRunning(),
    collect: (signal, onDeleted) => alive(signal, (linked) => collecting.run(linked, onDeleted)),
    dryRun: (options = {}) =>
      alive(options.signal, (signal) => collecting.dryRun({ ...options, signal })),
    makeRoom: (bytes, options = {}) =>
      alive(options.signal, (signal) => collecting.makeRoom(bytes, { ...options, signal })),
  }
}

interface Parts {
  readonly stack: ServiceStack
  readonly metrics: StoreCareMetrics
}

function startCollecting(
  config: GcConfig,
  deps: StoreCareDeps,
  { stack, metrics }: Parts,
): Collecting {
  const { store, clock, tellGone: tell } = deps
  const log = deps.log.child({ component: 'gc' })
  const notices = tell === undefined ? undefined : new GoneNotices({ tell, clock, log })
  if (notices !== undefined) stack.push('notices of deletions', () => notices.stop())
  const collecting = new Collecting(gcPolicy(config), {
    store: {
      list: () => store.list(),
      get: (taskId) => store.get(taskId),
      space: () => store.space(),
      delete: deps.remove ?? ((taskId) => store.delete(taskId)),
    },
    clock,
    log,
    metrics,
    onDeleted: ({ taskId }) => notices?.push(taskId),
  })
  let isFirst = true
  const loop = repeatingTask(
    async (signal) => {
      if (isFirst) await sleep(clock, Math.min(firstRunMs, config.interval), signal)
      isFirst = false
      await collecting.run(signal)
    },
    { name: 'collect garbage', intervalMs: config.interval, immediate: true },
    deps,
  )
  stack.push('garbage collection', () => loop.stop())
  return collecting
}

function startScrub(config: GcConfig, deps: StoreCareDeps, { stack, metrics }: Parts): void {
  const { bandwidthLimit: bytesPerSec, interval: intervalMs } = config.scrub
  const { onDamage, ...others } = deps
  const log = deps.log.child({ component: 'scrub' })
  const scrub = new Scrub(
    { bytesPerSec, intervalMs },
    {
      ...others,
      log,
      onVerified: metrics.verified,
      onDamage: (damage) => {
        metrics.damaged(damage)
        onDamage?.(damage)
      },
    },
  )
  const loop = repeatingTask(
    async (signal) => {
      const run = await scrub.run(signal)
      metrics.scrubbed(run)
      if (run.outcome === 'stopped') log.warn(run, 'the scrub stopped: the disk gives nothing')
      else if (run.verifiedPieces > 0) log.info(run, 'the store was read again')
    },
    { name: 'scrub', intervalMs: scrubCheckMs },
    deps,
  )
  stack.push('scrub', () => loop.stop())
}
