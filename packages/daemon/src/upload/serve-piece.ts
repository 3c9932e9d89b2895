import { asTaskId, DfError } from '@damselfly/core'
import type { ServedPiece, TaskFamily } from '@damselfly/transport'
import type { LiveTasks } from '../download/live-tasks.ts'
import type { DaemonMetrics } from '../metrics.ts'
import type { TrafficMeter } from './traffic-meter.ts'

export interface ServePieceDeps {
  readonly tasks: LiveTasks
  readonly metrics: DaemonMetrics
  readonly sent: TrafficMeter
  readonly disableShared: boolean
}

/** Finds what a child asks for. Pieces that are not here, or not to be shared, are `PieceNotFound`. */
export function servePiece(
  { tasks, metrics, sent, disableShared }: ServePieceDeps,
  family: TaskFamily,
  taskId: string,
  number: number,
): ServedPiece {
  metrics.uploads.inc()
  const stored = tasks.get(asTaskId(taskId))?.stored
  const record = stored?.piece(number)
  // Only standard tasks exist here; a persistent one of the same id would be another content.
  if (disableShared || family !== 'standard' || stored === undefined || record === undefined) {
    metrics.uploadFailures.inc()
    throw new DfError('PieceNotFound', `This host does not have piece ${number} of task ${taskId}.`)
  }
  const lease = stored.lease()
  metrics.uploadingPieces.inc()
  return {
    number,
    offset: record.offset,
    length: record.length,
    digest: record.digest,
    parentId: record.parentId,
    costMs: record.costMs,
    createdAt: record.createdAt,
    read: (buffer, offset) => stored.read(buffer, record.offset + offset),
    release(sentBytes) {
      lease[Symbol.dispose]()
      metrics.uploadingPieces.dec()
      metrics.uploadTraffic.inc(sentBytes)
      if (sentBytes < record.length) metrics.uploadFailures.inc()
      sent.add(sentBytes)
    },
  }
}
