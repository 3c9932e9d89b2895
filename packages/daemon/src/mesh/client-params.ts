import type { ClientParams as WireParams } from '@damselfly/api/swarm'
import { type ClientParams, defaultClientParams } from '../swarm/index.ts'

const maxConcurrency = 64
const maxWaitMs = 60_000
/** Twice as long as the pauses between two signs of life. */
const minStallMs = 1_000

/** What the scheduler wants, where it means anything; else the defaults. */
export function toClientParams(wire: WireParams, pieceCount: number): ClientParams {
  const defaults = defaultClientParams(pieceCount)
  const concurrency = within(wire.concurrency, maxConcurrency) ?? defaults.concurrency
  return {
    concurrency,
    maxConcurrency: Math.max(
      concurrency,
      within(wire.maxConcurrency, maxConcurrency) ?? defaults.maxConcurrency,
    ),
    window: within(wire.window, Number.MAX_SAFE_INTEGER) ?? defaults.window,
    farGraceMs: within(wire.farGraceMs, maxWaitMs) ?? defaults.farGraceMs,
    hedgeFactor: within(wire.hedgeFactor, 1_000) ?? defaults.hedgeFactor,
    stallMs: Math.max(minStallMs, within(wire.stallMs, maxWaitMs) ?? defaults.stallMs),
    starvedMs: within(wire.starvedMs, maxWaitMs) ?? defaults.starvedMs,
    meanUplink: Number.isFinite(wire.meanUplink) ? Math.max(0, wire.meanUplink) : 0,
  }
}

/** `undefined` for 0, which is what a scheduler sends that does not know the field. */
function within(value: number, most: number): number | undefined {
  return value > 0 && value <= most ? value : undefined
}
