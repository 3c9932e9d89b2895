import type { ServiceStack } from '@damselfly/core'
import type { PieceStore } from '@damselfly/storage'
import type { ScrubCursor } from '@damselfly/storage/gc'
import { z } from 'zod'
import type { DaemonConfig } from '../config.ts'
import { type TellGoneDeps, tellGone } from '../download/forget-task.ts'
import type { LiveTasks } from '../download/live-tasks.ts'
import type { DaemonMetrics } from '../metrics.ts'
import { type StoreCare, startStoreCare } from '../store-care/start-store-care.ts'
import type { World } from './world.ts'

const scrubNote = 'scrub'

export interface StoreCareParts extends Omit<TellGoneDeps, 'log'> {
  readonly store: PieceStore
  readonly tasks: LiveTasks
  readonly metrics: DaemonMetrics
  /** Somebody downloads or is being sent something: the scrub can wait. */
  readonly isBusy: () => boolean
}

/** Starts garbage collection and scrub, and lets new tasks ask them for room. */
export function keepStore(
  config: DaemonConfig,
  world: World,
  stack: ServiceStack,
  parts: StoreCareParts,
): StoreCare {
  const { store, tasks, metrics, isBusy } = parts
  const care = startStoreCare(config.gc, {
    ...world,
    store,
    registry: metrics.registry,
    isBusy,
    loadCursor: async () => readCursor(store.note(scrubNote)),
    saveCursor: async (cursor) => store.setNote(scrubNote, JSON.stringify(cursor)),
    remove: (taskId) => tasks.discard(taskId),
    tellGone: (taskId, signal) => tellGone(taskId, { ...parts, ...world }, signal),
  })
  stack.use('store care', care)
  tasks.onShort((bytes, sparing) => care.makeRoom(bytes, { sparing }))
  return care
}

/** What this program wrote there itself; anything else means that the round begins anew. */
function readCursor(text: string | undefined): ScrubCursor | undefined {
  if (text === undefined) return undefined
  const parsed = cursorSchema.safeParse(parseJson(text))
  if (!parsed.success) return undefined
  const { startedAt, next } = parsed.data
  return next === undefined ? { startedAt } : { startedAt, next }
}

const cursorSchema = z.object({
  startedAt: z.number(),
  next: z.object({ taskId: z.string(), number: z.number() }).optional(),
})

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
