import { type Download, Priority, TaskType } from '@damselfly/api/common'
import type { TrafficType } from '@damselfly/storage'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Labels of one download; tag and application come from users, so they are not labels (bounded cardinality). */
type TaskLabels = 'type' | 'priority'

/** As the scheduler's metrics, and Dragonfly's, name where bytes came from. */
const trafficNames = {
  'back-to-source': 'BACK_TO_SOURCE',
  'remote-peer': 'REMOTE_PEER',
  'local-peer': 'LOCAL_PEER',
} as const satisfies Record<TrafficType, string>

/** All metrics of the daemon, under Dragonfly's names (interop.md 11). */
export type DaemonMetrics = ReturnType<typeof createMetrics>

const prefix = 'dragonfly_client_'
const durationBucketsMs = [10, 50, 100, 500, 1_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000]

export function createMetrics(version: string) {
  const registry = new Registry()
  const counter = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name: `${prefix}${name}`, help, labelNames, registers: [registry] })
  const gauge = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge({ name: `${prefix}${name}`, help, labelNames, registers: [registry] })
  const histogram = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Histogram({
      name: `${prefix}${name}`,
      help,
      labelNames,
      buckets: durationBucketsMs,
      registers: [registry],
    })
  const task: TaskLabels[] = ['type', 'priority']
  const traffic = counter('download_traffic', 'Bytes received, by where they came from.', ['type'])
  versionGauge(version, registry)
  return {
    registry,
    downloads: counter('download_task_total', 'Downloads asked for.', task),
    downloadFailures: counter('download_task_failure_total', 'Downloads that failed.', task),
    downloading: gauge('concurrent_download_task_total', 'Downloads running now.', task),
    downloadDuration: histogram('download_task_duration_milliseconds', 'How long downloads took.', [
      'task_type',
      'task_size_level',
    ]),
    downloadTraffic: {
      inc: ({ type }: { type: TrafficType }, bytes: number): void =>
        traffic.inc({ type: trafficNames[type] }, bytes),
    },
    unattestedPieces: counter(
      'unattested_piece_total',
      "Pieces from peers that were compared with the sender's own CRC-32 only.",
    ),
    corruptPieces: counter(
      'corrupt_piece_total',
      'Pieces from peers that were not what they should be.',
    ),
    uploadTraffic: counter('upload_traffic', 'Bytes sent to peers.'),
    uploadWireTraffic: counter(
      'upload_wire_traffic',
      'Bytes of pieces as they travelled to peers: less than upload_traffic where they were packed.',
    ),
    uploads: counter('upload_task_total', 'Pieces that peers asked for.'),
    uploadFailures: counter('upload_task_failure_total', 'Pieces that could not be sent.'),
    uploadingPieces: gauge('concurrent_upload_piece_total', 'Pieces being sent now.'),
    backendRequests: counter(
      'backend_request_total',
      'Requests to origins, without their repetitions.',
      ['scheme', 'method'],
    ),
    backendFailures: counter('backend_request_failure_total', 'Requests to origins that failed.', [
      'scheme',
      'method',
    ]),
    statTasks: counter('stat_task_total', 'StatTask calls.', ['type']),
    statTaskFailures: counter('stat_task_failure_total', 'StatTask calls that failed.', ['type']),
    statLocalTasks: counter('stat_local_task_total', 'StatLocalTask calls.', ['type']),
    listLocalTasks: counter('list_local_tasks_total', 'ListLocalTasks calls.', ['type']),
    deleteTasks: counter('delete_task_total', 'DeleteTask calls.', ['type']),
    deleteTaskFailures: counter('delete_task_failure_total', 'DeleteTask calls that failed.', [
      'type',
    ]),
    deleteHosts: counter('delete_host_total', 'DeleteHost calls.'),
    diskTotal: gauge('disk_space_total', 'Bytes of the file system that holds the store.'),
    diskUsed: gauge('disk_usage_space_total', 'Bytes of it in use.'),
  }
}

/** Set when it is read, and so after a reset, too. */
function versionGauge(version: string, registry: Registry): void {
  new Gauge({
    name: `${prefix}version`,
    help: 'Version of the daemon; the value is always 1.',
    labelNames: ['git_version', 'platform'],
    registers: [registry],
    collect() {
      this.set({ git_version: version, platform: `${process.platform}/${process.arch}` }, 1)
    },
  })
}

/**
 * The numbers of the download's type and priority, as in Dragonfly's metrics. They come from whoever calls, and protobuf lets
 * any number through: those without a meaning share one label.
 */
export function taskLabels({
  type,
  priority,
}: Pick<Download, 'type' | 'priority'>): Record<TaskLabels, string> {
  return {
    type: isValue(TaskType, type) ? String(type) : 'other',
    priority: isValue(Priority, priority) ? String(priority) : 'other',
  }
}

const isValue = (names: Readonly<Record<string, unknown>>, value: number): boolean =>
  Object.values(names).includes(value)

/** Dragonfly's size classes: powers of two from 1 MiB to 1 TiB, as numbers from 1. */
export function taskSizeLevel(sizeBytes: number): string {
  const mib = sizeBytes / (1 << 20)
  if (mib <= 1) return '1'
  return String(Math.min(20, Math.ceil(Math.log2(mib)) + 1))
}
