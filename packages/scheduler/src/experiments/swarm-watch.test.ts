import { asHostId, asPeerId, asTaskId } from '@damselfly/core'
import { beforeEach, describe, expect, it } from 'vitest'
import type { SchedulerEvent } from '../core/events.ts'
import type { DownloadFacts, HostFacts } from '../core/facts.ts'
import type { PeerView, TaskView } from '../core/views.ts'
import type { SwarmRecord } from './swarm-record.ts'
import { SwarmWatch } from './swarm-watch.ts'

const mib = 1024 ** 2
const taskId = asTaskId('task')
const noBytes = { origin: 0, seed: 0, near: 0, far: 0 }

const hostFacts: HostFacts = {
  id: asHostId('h'),
  type: 0,
  hostname: 'h',
  ip: '127.0.0.1',
  port: 1,
  downloadPort: 2,
  disableShared: false,
  idc: 'i',
  location: 'r|a',
  maxTxBandwidth: 80 * mib,
  announceIntervalMs: 1_000,
  isOurs: true,
}

const downloadFacts: DownloadFacts = {
  url: '',
  needBackToSource: false,
  metadataOnly: false,
  disableBackToSource: false,
  isPrefetch: false,
  priority: 0,
  contentLength: 100 * mib,
  pieceLength: mib,
  concurrentPieceCount: 4,
}

let task: TaskView
let peers: Map<string, PeerView>
let ended: SwarmRecord[]
let watch: SwarmWatch

beforeEach(() => {
  ended = []
  peers = new Map()
  task = {
    id: taskId,
    facts: downloadFacts,
    contentLength: 100 * mib,
    pieceLength: mib,
    pieceCount: 100,
    state: 'Running',
    peerCount: 0,
    hasAvailablePeer: false,
    pieces: new Map(),
    createdAt: 1_000,
    updatedAt: 1_000,
  }
  watch = new SwarmWatch({
    core: { statPeer: (id) => peers.get(id) },
    chooseArm: (id) => (id === taskId ? { name: 'control', client: {} } : undefined),
    onEnded: (record) => void ended.push(record),
  })
})

function register(
  id: string,
  { host = {}, facts = {} }: { host?: Partial<HostFacts>; facts?: Partial<DownloadFacts> } = {},
): void {
  const view: PeerView = {
    id: asPeerId(id),
    facts: { ...downloadFacts, ...facts },
    state: 'Running',
    host: { ...hostFacts, id: asHostId(id), ...host },
    task,
    finishedPieces: 0,
    createdAt: 1_000,
    updatedAt: 1_000,
  }
  peers.set(id, view)
  const { facts: download, host: from } = view
  observe({ type: 'peerRegistered', hostId: from.id, taskId, peerId: view.id, download })
}

const observe = (event: SchedulerEvent, now = 1_000): void => watch.observe(event, now)
const tick = (now: number): void => observe({ type: 'tick' }, now)
const peer = (id: string) => ({ peerId: asPeerId(id) })

/** A seed and two peers, of which `b` takes twelve seconds. */
function runSwarm(): void {
  watch.chooseArm(taskId, 1_000)
  register('seed', { host: { type: 1 } })
  register('a')
  register('b')
  observe({ type: 'peerFinished', ...peer('a') }, 11_000)
  observe({ type: 'peerFinished', ...peer('b') }, 13_000)
}

describe('SwarmWatch', () => {
  it('sums a swarm up some seconds after its last download', () => {
    runSwarm()
    tick(22_000)
    expect(ended).toEqual([])
    tick(23_000)
    tick(24_000)
    expect(ended).toHaveLength(1)
    expect(ended[0]).toMatchObject({
      arm: 'control',
      bornAt: 1_000,
      endedAt: 13_000,
      peers: 2,
      failedPeers: 0,
      contentLength: 100 * mib,
      pieceCount: 100,
      isWarm: false,
      idc: 'i',
      boundSeconds: 10,
      meanSeconds: 11,
    })
  })

  it('does not count swarms that have no arm', () => {
    watch = new SwarmWatch({
      core: { statPeer: (id) => peers.get(id) },
      chooseArm: () => undefined,
      onEnded: (record) => void ended.push(record),
    })
    runSwarm()
    tick(100_000)
    expect(ended).toEqual([])
  })

  it('adds up what daemons of ours report, seeds included', () => {
    watch.chooseArm(taskId, 1_000)
    register('seed', { host: { type: 1 } })
    register('a')
    const report = { pieces: [], rateBytesPerSec: 0, failedParents: [], slowParents: [] }
    const told = (id: string, bytes: Partial<typeof noBytes>) =>
      observe({ type: 'peerReported', ...peer(id), ...report, bytes: { ...noBytes, ...bytes } })
    told('seed', { origin: 5 })
    told('a', { seed: 7, near: 11 })
    told('a', { far: 13 })
    observe({ type: 'peerFinished', ...peer('a') }, 2_000)
    tick(12_000)
    expect(ended[0]?.bytes).toEqual({ origin: 5, seed: 7, near: 11, far: 13 })
    expect(ended[0]?.crossIdcBytes).toBe(0)
  })

  it("adds up the pieces of Dragonfly's peers", () => {
    watch.chooseArm(taskId, 1_000)
    register('seed', { host: { type: 1, idc: 'other' } })
    register('near')
    register('far', { host: { location: 'r|b' } })
    register('child')
    const piece = { number: 0, offset: 0, digest: '', source: false }
    const got = (length: number, parent?: string, trafficType = 'remotePeer' as const) =>
      observe({
        type: 'pieceFinished',
        ...peer('child'),
        ...piece,
        length,
        trafficType,
        parentId: parent === undefined ? undefined : asPeerId(parent),
      })
    got(3, 'seed')
    got(5, 'near')
    got(7, 'far')
    got(9, 'gone')
    observe({
      type: 'pieceFinished',
      ...peer('child'),
      ...piece,
      length: 11,
      trafficType: 'backToSource',
      parentId: undefined,
    })
    for (const id of ['near', 'far', 'child']) observe({ type: 'peerFinished', ...peer(id) }, 2_000)
    tick(12_000)
    expect(ended[0]?.bytes).toEqual({ origin: 11, seed: 3, near: 5, far: 7 })
    expect(ended[0]?.crossIdcBytes).toBe(3)
  })

  it('does not know what crossed between data centres that nobody named', () => {
    watch.chooseArm(taskId, 1_000)
    register('a', { host: { idc: '' } })
    register('b', { host: { idc: '' } })
    const piece = { number: 0, offset: 0, length: 5, digest: '', source: false }
    const from = { trafficType: 'remotePeer', parentId: asPeerId('a') } as const
    observe({ type: 'pieceFinished', ...peer('b'), ...piece, ...from })
    for (const id of ['a', 'b']) observe({ type: 'peerFinished', ...peer(id) }, 2_000)
    tick(12_000)
    expect(ended[0]?.bytes?.near).toBe(5)
    expect(ended[0]).not.toHaveProperty('crossIdcBytes')
  })

  it('counts who fails, leaves or breaks off as failed', () => {
    watch.chooseArm(taskId, 1_000)
    for (const id of ['a', 'b', 'c', 'd']) register(id)
    observe({ type: 'peerFailed', ...peer('a') }, 2_000)
    observe({ type: 'streamClosed', ...peer('b') }, 2_000)
    observe({ type: 'peerDeleted', ...peer('c') }, 2_000)
    observe({ type: 'backToSourceFinished', ...peer('d') }, 3_000)
    observe({ type: 'streamClosed', ...peer('d') }, 3_000)
    tick(13_000)
    expect(ended[0]).toMatchObject({ peers: 4, failedPeers: 3, meanSeconds: 2 })
  })

  it('does not count parts, metadata and seeds as downloads', () => {
    runSwarm()
    register('part', { facts: { range: { start: 0, length: 5 } } })
    register('metadata', { facts: { metadataOnly: true } })
    observe({ type: 'peerFinished', ...peer('part') }, 14_000)
    tick(23_000)
    expect(ended[0]).toMatchObject({ peers: 2, endedAt: 13_000 })
  })

  it('knows a warm swarm', () => {
    task = { ...task, state: 'Succeeded' }
    runSwarm()
    tick(23_000)
    expect(ended[0]?.isWarm).toBe(true)
  })

  it('remembers how long choosing parents took', () => {
    watch.chooseArm(taskId, 1_000)
    register('a')
    watch.observe({ type: 'peerStarted', ...peer('a') }, 1_000, 42)
    observe({ type: 'peerFinished', ...peer('a') }, 2_000)
    tick(12_000)
    expect(ended[0]?.decisionP99Us).toBe(42)
  })

  it('gives up a swarm that hangs; the downloads that hang have failed', () => {
    watch.chooseArm(taskId, 1_000)
    register('a')
    register('b')
    observe({ type: 'peerFinished', ...peer('a') }, 2_000)
    tick(3_000_000)
    expect(ended).toEqual([])
    tick(3_602_000)
    expect(ended[0]).toMatchObject({ peers: 2, failedPeers: 1 })
  })

  it('begins anew with a swarm that is born again', () => {
    watch.chooseArm(taskId, 1_000)
    register('a')
    watch.chooseArm(taskId, 50_000)
    observe({ type: 'peerFinished', ...peer('a') }, 51_000)
    register('b')
    observe({ type: 'peerFinished', ...peer('b') }, 53_000)
    tick(70_000)
    expect(ended).toMatchObject([{ bornAt: 50_000, peers: 1 }])
  })

  it('waits for the first download as long as it takes', () => {
    watch.chooseArm(taskId, 1_000)
    register('seed', { host: { type: 1 } })
    tick(10_000_000)
    task = { ...task, state: 'Succeeded' }
    register('a')
    observe({ type: 'peerFinished', ...peer('a') }, 10_000_000)
    tick(10_020_000)
    expect(ended).toMatchObject([{ peers: 1, isWarm: true, boundSeconds: 10 }])
  })

  it('gives up the oldest of too many swarms that wait', () => {
    watch = new SwarmWatch({
      core: { statPeer: (id) => peers.get(id) },
      chooseArm: () => ({ name: 'control', client: {} }),
      onEnded: (record) => void ended.push(record),
    })
    watch.chooseArm(taskId, 1_000)
    for (let index = 0; index < 50_000; index++) watch.chooseArm(asTaskId(`task-${index}`), 1_000)
    register('a')
    observe({ type: 'peerFinished', ...peer('a') }, 2_000)
    tick(60_000)
    expect(ended).toEqual([])
  })
})
