import {
  asHostId,
  asPeerId,
  asTaskId,
  type PeerId,
  type Random,
  seededRandom,
} from '@damselfly/core'
import { createPolicy } from '@damselfly/policy'
import { type DownloadFacts, type HostFacts, SchedulerCore } from '@damselfly/scheduler'
import { percentile } from '../harness/stats.ts'

// The scheduler's core alone, in a process of its own: the argument is the shape, the answer goes to standard output.

export interface CoreShape {
  readonly tasks: number
  readonly peersPerTask: number
  /** Decisions that are measured, after a fifth as many that are not. */
  readonly decisions: number
}

export interface CoreFigures {
  /** Answers with a new list of parents for each second of processor time. */
  readonly decisionsPerSec: number
  readonly decisionP99Us: number
  /** Heap and columns, strings of ids and the shares of hosts' and tasks' records among them. */
  readonly bytesPerPeer: number
}

const hosts = 10_000
const racks = 250
const pieceCount = 256
const pieceLength = 4 * 1024 ** 2
const contentLength = pieceCount * pieceLength
/** Messages that wait to be read, as in a busy scheduler. */
const batch = 1000
const nowMs = 1_700_000_000_000

const hostId = (host: number) => asHostId(`10.1.${host >> 8}.${host & 255}-node-${host}`)
const taskId = (task: number) => asTaskId(task.toString(16).padStart(64, '0'))
/** As long as those of daemons. */
const peerId = (host: number, task: number) =>
  asPeerId(`${hostId(host)}-${task.toString(16).padStart(36, '0')}`)

const download: DownloadFacts = {
  url: 'http://origin.test/file',
  needBackToSource: false,
  metadataOnly: false,
  disableBackToSource: false,
  isPrefetch: false,
  priority: 0,
  contentLength,
  pieceLength,
  concurrentPieceCount: 8,
}

const shape: CoreShape = JSON.parse(process.argv[2] ?? '')
console.log(JSON.stringify(measure(shape)))

function measure({ tasks, peersPerTask, decisions }: CoreShape): CoreFigures {
  const random = seededRandom(1)
  const core = new SchedulerCore({}, { policy: createPolicy('default'), random })
  for (let host = 0; host <= hosts; host++) {
    core.apply({ type: 'hostAnnounced', host: hostFacts(host) }, nowMs)
  }
  const before = usedBytes()
  const count = tasks * peersPerTask
  for (let peer = 0; peer < count; peer++) join(core, peer, peersPerTask)
  for (let peer = 0; peer < count; peer++) advance(core, peer, peersPerTask, random.next())
  const bytesPerPeer = (usedBytes() - before) / count

  const warmUp = Math.ceil(decisions / 5)
  decide(core, random, count, warmUp)
  const { timesUs, cpuUs } = decide(core, random, count, decisions)
  return {
    decisionsPerSec: decisions / (cpuUs / 1e6),
    decisionP99Us: percentile(timesUs, 99),
    bytesPerPeer,
  }
}

/** Peers by chance ask for other parents. Only what the core does with the messages is measured. */
function decide(core: SchedulerCore, random: Random, count: number, decisions: number) {
  const timesUs: number[] = []
  let cpuUs = 0
  for (let done = 0; done < decisions; done += batch) {
    const events = Array.from({ length: Math.min(batch, decisions - done) }, () => {
      const peer = Math.floor(random.next() * count)
      return question(peerId(peer % hosts, peer))
    })
    const cpu = process.cpuUsage()
    for (const event of events) {
      const startedAt = performance.now()
      const [effect] = core.apply(event, nowMs)
      timesUs.push((performance.now() - startedAt) * 1000)
      if (effect?.type !== 'normal') throw new Error(`${event.peerId} got no parents`)
    }
    const { user, system } = process.cpuUsage(cpu)
    cpuUs += user + system
  }
  return { timesUs, cpuUs }
}

/** As from the wire: the name is a string of its own, which nobody has looked up before. */
function question(id: PeerId) {
  const copy = asPeerId(Buffer.from(id, 'latin1').toString('latin1'))
  return { type: 'parentsAsked' as const, peerId: copy, dropped: [], reason: 'starved' as const }
}

/** The last host is a seed that holds everything. */
function hostFacts(host: number): HostFacts {
  const rack = host % racks
  return {
    id: hostId(host),
    type: host === hosts ? 1 : 0,
    hostname: `node-${host}`,
    ip: '10.1.2.3',
    port: 4000,
    downloadPort: 4001,
    disableShared: false,
    idc: `idc-${rack % 5}`,
    location: `region|zone|rack-${rack}`,
    maxTxBandwidth: 1e9,
    announceIntervalMs: 300_000,
    isOurs: true,
  }
}

function join(core: SchedulerCore, peer: number, peersPerTask: number): void {
  const task = Math.floor(peer / peersPerTask)
  if (peer % peersPerTask === 0) {
    const content = { contentLength, pieceLength, validators: {}, have: 'all' } as const
    const held = [{ taskId: taskId(task), peerId: peerId(hosts, task), ...content }]
    core.apply({ type: 'inventoryAnnounced', hostId: hostId(hosts), tasks: held }, nowMs)
  }
  const id = peerId(peer % hosts, peer)
  const facts = { ...download }
  core.apply(
    {
      type: 'peerRegistered',
      hostId: hostId(peer % hosts),
      taskId: taskId(task),
      peerId: id,
      download: facts,
    },
    nowMs,
  )
  core.apply({ type: 'peerStarted', peerId: id }, nowMs)
}

/** Somewhere between nothing and nearly all. */
function advance(core: SchedulerCore, peer: number, peersPerTask: number, share: number): void {
  const first = peer % pieceCount
  const length = Math.floor(share * (pieceCount - 1))
  const pieces = Array.from({ length }, (_, i) => (first + i) % pieceCount)
  core.apply(
    {
      type: 'peerReported',
      peerId: peerId(peer % hosts, peer),
      pieces,
      rateBytesPerSec: peersPerTask,
      bytes: { origin: 0, seed: 0, near: 0, far: 0 },
      failedParents: [],
      slowParents: [],
    },
    nowMs,
  )
}

function usedBytes(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
