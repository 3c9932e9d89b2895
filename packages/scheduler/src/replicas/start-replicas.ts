import { Swarm } from '@damselfly/api/swarm'
import {
  type Clock,
  type Log,
  type Network,
  type Random,
  repeatingTask,
  type TaskId,
} from '@damselfly/core'
import { openChannel } from '@damselfly/rpc'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { SchedulerCore } from '../core/scheduler-core.ts'
import { LoadBalance, type LoadBalanceOptions } from './load-balance.ts'

export interface ReplicasDeps {
  readonly core: SchedulerCore
  readonly registry: Registry
  readonly clock: Clock
  readonly random: Random
  readonly network: Network | undefined
  readonly log: Log
}

export interface Replicas {
  /** The scheduler that takes this swarm in place of this one, if any does. */
  redirect(taskId: TaskId): string | undefined
  stop(): Promise<void>
}

export interface ReplicasOptions extends Omit<LoadBalanceOptions, 'freshMs'> {
  readonly intervalMs: number
}

const TIMEOUT_MS = 2_000
/** What another one said is believed for so many intervals. */
const FRESH_INTERVALS = 5

/** Asks the other schedulers of the cluster every few seconds how much they have to do. */
export function startReplicas(options: ReplicasOptions, deps: ReplicasDeps): Replicas {
  const { core, clock, random, network, log } = deps
  const { intervalMs } = options
  const balance = new LoadBalance({ ...options, freshMs: FRESH_INTERVALS * intervalMs })
  const ownPeers = (): number => core.state.peers.size
  const others = balance.others.map((address) => ({ address, channel: open(address) }))

  function open(address: string) {
    const colon = address.lastIndexOf(':')
    const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
    const port = Number(address.slice(colon + 1))
    return openChannel({ host, port }, { clock, ...(network && { network }) })
  }

  async function ask({ address, channel }: (typeof others)[number], signal: AbortSignal) {
    try {
      const call = { signal, timeoutMs: TIMEOUT_MS }
      const { peers } = await channel.client(Swarm).getLoad({}, call)
      balance.heard(address, peers, clock.now())
    } catch (err) {
      if (signal.aborted) return
      balance.missed(address)
      log.debug({ replica: address, err }, 'another scheduler did not tell its load')
    }
  }

  const asking = repeatingTask(
    async (signal) => void (await Promise.all(others.map((other) => ask(other, signal)))),
    { name: 'replicas', intervalMs, immediate: true },
    { clock, random, log },
  )
  addMetrics(deps, balance)
  return {
    redirect(taskId) {
      const isNew = !core.knows(taskId)
      return balance.redirect(taskId, { isNew, ownPeers: ownPeers(), now: clock.now() })
    },
    async stop() {
      await asking.stop()
      for (const { channel } of others) channel.close()
    },
  }
}

function addMetrics({ registry, core, clock }: ReplicasDeps, balance: LoadBalance): void {
  new Counter({
    name: 'sched_redirects_total',
    help: 'New swarms that were given to another scheduler because this one had too many peers.',
    registers: [registry],
    collect() {
      this.reset()
      this.inc(balance.redirected)
    },
  })
  new Gauge({
    name: 'sched_replica_peers',
    help: 'Peers of each scheduler of the cluster that has told them lately.',
    labelNames: ['replica'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [replica, peers] of balance.loads(core.state.peers.size, clock.now())) {
        this.set({ replica }, peers)
      }
    },
  })
}
