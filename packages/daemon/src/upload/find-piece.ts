import { asTaskId, DfError } from '@damselfly/core'
import type { FindPiece } from '../data/data-plane.ts'
import type { LiveTasks } from '../download/live-tasks.ts'
import type { DaemonMetrics } from '../metrics.ts'
import type { TrafficMeter } from './traffic-meter.ts'

export interface FindPieceDeps {
  readonly tasks: LiveTasks
  readonly metrics: DaemonMetrics
  readonly sent: TrafficMeter
  readonly disableShared: boolean
  /** A piece is being sent; the returned function says that this has ended. */
  readonly busy: () => () => void
}

/** Finds what a child asks for. Pieces that are not here, or not to be shared, are `PieceNotFound`. */
export function pieceFinder({
  tasks,
  metrics,
  sent,
  disableShared,
  busy,
}: FindPieceDeps): FindPiece {
  return (family, taskId, number) => {
    metrics.uploads.inc()
    const stored = tasks.get(asTaskId(taskId))?.stored
    const record = stored?.piece(number)
    // Only standard tasks exist here; a persistent one of the same id would be another content.
    if (disableShared || family !== 'standard' || stored === undefined || record === undefined) {
      metrics.uploadFailures.inc()
      throw new DfError(
        'PieceNotFound',
        `This host does not have piece ${number} of task ${taskId}.`,
      )
    }
    const lease = stored.lease()
    const done = busy()
    metrics.uploadingPieces.inc()
    return {
      stored,
      record,
      release(sentBytes) {
        lease[Symbol.dispose]()
        done()
        metrics.uploadingPieces.dec()
        metrics.uploadTraffic.inc(sentBytes)
        if (sentBytes < record.length) metrics.uploadFailures.inc()
        sent.add(sentBytes)
      },
    }
  }
}
