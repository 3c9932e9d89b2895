import { asTaskId, background, DfError, type Log } from '@damselfly/core'
import type { UploadDesk } from '../data/data-plane.ts'
import type { LiveTasks } from '../download/live-tasks.ts'
import type { DaemonMetrics } from '../metrics.ts'
import type { TrafficMeter } from './traffic-meter.ts'

export interface FindPieceDeps {
  readonly tasks: LiveTasks
  readonly metrics: DaemonMetrics
  readonly sent: TrafficMeter
  readonly disableShared: boolean
  readonly log: Log
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
  log,
}: FindPieceDeps): UploadDesk['find'] {
  return (family, taskId, number) => {
    metrics.uploads.inc()
    const live = tasks.get(asTaskId(taskId))
    const record = live?.stored.piece(number)
    // Only standard tasks exist here; a persistent one of the same id would be another content.
    if (disableShared || family !== 'standard' || live === undefined || record === undefined) {
      metrics.uploadFailures.inc()
      throw new DfError(
        'PieceNotFound',
        `This host does not have piece ${number} of task ${taskId}.`,
      )
    }
    const lease = live.stored.lease()
    const done = busy()
    metrics.uploadingPieces.inc()
    return {
      stored: live.stored,
      record,
      release(sentBytes, isSuspect = false) {
        if (isSuspect) background('checking a piece', live.check(number), log)
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
