import {
  asHostId,
  asPeerId,
  asTaskId,
  type HostId,
  type PeerId,
  type Random,
} from '@damselfly/core'
import { createPolicy } from '@damselfly/policy'
import {
  type HostFacts,
  SchedulerCore,
  type SchedulerEffect,
  type SchedulerEvent,
} from '@damselfly/scheduler'
import { Slab } from '../kernel/slab.ts'
import { contentBytes } from '../scenarios/scenario.ts'
import type { SwarmRun } from '../world/swarm-run.ts'
import { kinds } from './kinds.ts'
import type { SwarmPeer } from './swarm-peer.ts'

export const TASK = asTaskId('task')

/** The core wants a date; any will do. */
const EPOCH_MS = 1_700_000_000_000
/** One way between a daemon and the scheduler. */
const LATENCY_MS = 1
const TICK_MS = 1000

export const peerIdOf = (host: number): PeerId => asPeerId(`p${host}`)
export const hostOf = (id: PeerId | HostId): number => Number(id.slice(1))
const hostIdOf = (host: number): HostId => asHostId(`h${host}`)

/** The production scheduler behind a line with latency. */
export class SchedulerSide {
  readonly #run: SwarmRun
  readonly #policy: string
  readonly #events = new Slab<SchedulerEvent>()
  readonly #effects = new Slab<SchedulerEffect>()
  readonly #random: Random
  #core: SchedulerCore
  #isUp = true
  /** Lists of neighbours that it gave. */
  decisions = 0

  constructor(run: SwarmRun, policy: string) {
    this.#run = run
    this.#policy = policy
    this.#random = run.random
    this.#core = this.#newCore()
    run.world.after(TICK_MS, kinds.schedulerTick)
  }

  get isUp(): boolean {
    return this.#isUp
  }

  tell(event: SchedulerEvent): void {
    this.#run.world.after(LATENCY_MS, kinds.toScheduler, this.#events.put(event))
  }

  /** The process is gone with all it knew, or a new one is there. */
  setUp(isUp: boolean): void {
    this.#isUp = isUp
    this.#core = this.#newCore()
  }

  onEvent(index: number): void {
    this.#apply(this.#events.take(index))
  }

  onTick(): void {
    this.#apply({ type: 'tick' })
    this.#run.world.after(TICK_MS, kinds.schedulerTick)
  }

  effect(index: number): SchedulerEffect {
    return this.#effects.take(index)
  }

  announceHost({ host, isSeed }: SwarmPeer): void {
    const spec = this.#run.population.hosts[host]
    if (spec === undefined) return
    const facts: HostFacts = {
      id: hostIdOf(host),
      type: isSeed ? 1 : 0,
      hostname: `host${host}`,
      ip: '10.0.0.1',
      port: 4000,
      downloadPort: 4001,
      disableShared: false,
      ...(this.#run.scenario.racks === undefined
        ? {}
        : { idc: 'idc', location: `region|idc|rack${spec.rack}` }),
      maxTxBandwidth: spec.declaredUplink * 8,
      announceIntervalMs: 300_000,
      isOurs: true,
    }
    this.tell({ type: 'hostAnnounced', host: facts })
  }

  announceInventory({ host, peerId }: SwarmPeer, have: Uint8Array | 'all'): void {
    const { scenario } = this.#run
    const content = {
      contentLength: contentBytes(scenario),
      pieceLength: scenario.pieceBytes,
      validators: {},
      have,
    }
    this.tell({
      type: 'inventoryAnnounced',
      hostId: hostIdOf(host),
      tasks: [{ taskId: TASK, peerId, ...content }],
    })
  }

  register({ host, peerId }: SwarmPeer, needBackToSource: boolean): void {
    const { scenario } = this.#run
    this.tell({
      type: 'peerRegistered',
      hostId: hostIdOf(host),
      taskId: TASK,
      peerId,
      download: {
        url: 'http://origin/content',
        needBackToSource,
        metadataOnly: false,
        disableBackToSource: scenario.origin === undefined,
        isPrefetch: false,
        priority: 0,
        contentLength: contentBytes(scenario),
        pieceLength: scenario.pieceBytes,
        concurrentPieceCount: 8,
      },
    })
  }

  #apply(event: SchedulerEvent): void {
    if (!this.#isUp) return
    const { world } = this.#run
    for (const effect of this.#core.apply(event, EPOCH_MS + world.now)) {
      if (effect.type === 'normal') this.decisions += 1
      world.after(LATENCY_MS, kinds.fromScheduler, this.#effects.put(effect))
    }
  }

  #newCore(): SchedulerCore {
    return new SchedulerCore({}, { policy: createPolicy(this.#policy), random: this.#random })
  }
}
