import type { GcReason, GcRun, GcVictim, ScrubDamage, ScrubRun } from '@damselfly/storage/gc'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

const prefix = 'damselfly_store_'
const durationBuckets = [0.01, 0.1, 0.5, 1, 5, 10, 60, 300, 1800]

/** What garbage collection and scrub tell of themselves. Dragonfly has no such metrics. */
export function storeCareMetrics(registry: Registry) {
  const registers = [registry]
  const counter = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name: `${prefix}${name}`, help, labelNames, registers })
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `${prefix}${name}`, help, registers })

  const runs = counter('gc_runs_total', 'Runs of garbage collection.', ['kind', 'outcome'])
  const duration = new Histogram({
    name: `${prefix}gc_run_duration_seconds`,
    help: 'How long runs of garbage collection took.',
    labelNames: ['kind'],
    buckets: durationBuckets,
    registers,
  })
  const deleted = counter('gc_deleted_tasks_total', 'Tasks deleted, by why.', ['reason'])
  const freed = counter('gc_freed_bytes_total', 'Bytes of tasks deleted, by why.', ['reason'])
  const failed = counter('gc_failed_tasks_total', 'Tasks that could not be deleted.')
  const own = gauge('gc_own_bytes', 'Bytes of pieces at the last regular run.')
  const capacity = gauge('gc_capacity_bytes', 'What counted as 100 % at the last regular run.')
  const short = gauge('gc_short_bytes', 'Bytes over the limits that could not be freed.')
  const verified = counter('scrub_verified_bytes_total', 'Bytes read again and compared.')
  const bad = counter('scrub_bad_pieces_total', 'Pieces found damaged or unreadable.', ['kind'])
  const rounds = counter('scrub_rounds_total', 'Times that the whole store was read again.')

  return {
    deleted({ reason, bytes }: { reason: GcReason; bytes: number } | GcVictim): void {
      deleted.inc({ reason })
      freed.inc({ reason }, bytes)
    },
    ran({ kind, outcome, ...run }: GcRun): void {
      runs.inc({ kind, outcome })
      duration.observe({ kind }, run.durationMs / 1000)
      failed.inc(run.failedTasks)
      if (kind !== 'regular' || outcome === 'aborted') return
      own.set(run.ownBytes - run.freedBytes)
      capacity.set(run.capacityBytes)
      short.set(run.shortBytes)
    },
    verified: (bytes: number): void => verified.inc(bytes),
    damaged: ({ kind }: ScrubDamage): void => bad.inc({ kind }),
    scrubbed: ({ outcome }: ScrubRun): void => {
      if (outcome === 'finished') rounds.inc()
    },
  }
}

export type StoreCareMetrics = ReturnType<typeof storeCareMetrics>
