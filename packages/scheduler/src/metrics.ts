import { Counter, Gauge, Registry, Summary } from 'prom-client'
import type { SchedulerCore } from './core/scheduler-core.ts'

const prefix = 'dragonfly_scheduler_'
const percentiles = [0.5, 0.9, 0.95, 0.99]

/** Calls that Dragonfly counts each as `<x>_total` and `<x>_failure_total`. */
export type CountedCall =
  | 'announce_peer'
  | 'stat_peer'
  | 'leave_peer'
  | 'stat_task'
  | 'leave_task'
  | 'list_hosts'
  | 'leave_host'

const calls: readonly CountedCall[] = [
  'announce_peer',
  'stat_peer',
  'leave_peer',
  'stat_task',
  'leave_task',
  'list_hosts',
  'leave_host',
]

const hostLabels = [
  'os',
  'platform',
  'platform_family',
  'platform_version',
  'kernel_version',
  'git_version',
  'git_commit',
  'go_version',
  'build_platform',
] as const
const peerLabels = ['priority', 'task_type', 'host_type'] as const
const pieceLabels = ['traffic_type', 'task_type', 'host_type'] as const

const trafficLabels = ['type', 'task_type', 'host_type'] as const

export type PeerLabels = Record<(typeof peerLabels)[number], string>
export type SchedulerMetrics = ReturnType<typeof createMetrics>

/** Succeeded and failed runs of something. */
function pair<L extends string>(registry: Registry, name: string, labelNames: readonly L[]) {
  const counter = (suffix: string, help: string) =>
    new Counter({
      name: `${prefix}${name}${suffix}`,
      help,
      labelNames: [...labelNames],
      registers: [registry],
    })
  return {
    total: counter('_total', `Number of ${name.replaceAll('_', ' ')}.`),
    failures: counter('_failure_total', `Number of failed ${name.replaceAll('_', ' ')}.`),
  }
}

/** All metrics of the scheduler, under Dragonfly's names (interop.md 11). */
export function createMetrics(core: SchedulerCore) {
  const registry = new Registry()
  addVersion(registry)
  addTableGauges(registry, core)
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({
      name: `${prefix}${name}`,
      help,
      labelNames: [...labelNames],
      registers: [registry],
    })
  return {
    registry,
    calls: Object.fromEntries(
      calls.map((name) => [name, pair(registry, name, [])]),
    ) as unknown as Record<CountedCall, ReturnType<typeof pair<never>>>,
    announceHost: pair(registry, 'announce_host', hostLabels),
    register: pair(registry, 'register_peer', peerLabels),
    started: pair(registry, 'download_peer_started', peerLabels),
    backToSourceStarted: pair(registry, 'download_peer_back_to_source_started', peerLabels),
    finished: pair(registry, 'download_peer_finished', peerLabels),
    backToSourceFailures: counter(
      'download_peer_back_to_source_finished_failure_total',
      'Number of failed downloads from the origin.',
      peerLabels,
    ),
    pieces: pair(registry, 'download_piece_finished', pieceLabels),
    sourcePieceFailures: counter(
      'download_piece_back_to_source_finished_failure_total',
      'Number of pieces that the origin did not give.',
      pieceLabels,
    ),
    traffic: counter('traffic', 'Bytes downloaded, by where they came from.', trafficLabels),
    downloadDuration: summary(
      registry,
      'download_peer_duration_milliseconds',
      'How long downloads took.',
      ['task_size_level'],
    ),
    scheduleDuration: summary(
      registry,
      'schedule_duration_milliseconds',
      'How long it took to apply an event that led to answers.',
      [],
    ),
    digestContradictions: counter(
      'piece_digest_contradictions_total',
      'Piece digests that differ from those that stand, by whether the host took the piece from the origin or held it.',
      ['said'],
    ),
    decisions: counter('decisions_total', 'What peers and seeds were told.', ['result']),
  }
}

function summary<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly L[],
) {
  return new Summary({
    name: `${prefix}${name}`,
    help,
    labelNames: [...labelNames],
    percentiles,
    maxAgeSeconds: 600,
    ageBuckets: 5,
    registers: [registry],
  })
}

function addVersion(registry: Registry): void {
  new Gauge({
    name: `${prefix}version`,
    help: 'Version of the scheduler; the value is always 1.',
    labelNames: ['git_version', 'platform'],
    registers: [registry],
  }).set({ git_version: 'damselfly', platform: `${process.platform}/${process.arch}` }, 1)
}

function addTableGauges(registry: Registry, core: SchedulerCore): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `${prefix}${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  const { state } = core
  gauge('concurrent_schedule_total', 'Peers that wait for parents.', () => {
    let waiting = 0
    for (const task of state.waitingTasks) waiting += task.waiting.size
    return waiting
  })
  gauge('hosts', 'Hosts known.', () => state.hosts.size)
  gauge('peers', 'Peers known.', () => state.peers.size)
  gauge('tasks', 'Tasks known.', () => state.tasks.size)
  gauge('piece_digests', 'Pieces whose digest is known.', () => state.digests.pieces)
  gauge('piece_digest_bytes', 'Memory of the piece digests.', () => state.digests.bytes)
  gauge('piece_digest_watchers', 'Downloads that watch piece digests.', () => {
    return state.digests.byCall.size
  })
  gauge('stray_messages', 'Messages that nothing could be done with.', () => {
    return core.counters.strayMessages + core.counters.invalidTransitions
  })
}
