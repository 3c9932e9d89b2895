import { arch, cpus, freemem, platform, release, totalmem, type } from 'node:os'
import { create } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { type Host, HostSchema } from '@damselfly/api/common'
import { AnnounceHostRequestSchema } from '@damselfly/api/scheduler'
import { type Clock, type Log, linkSignals, type Random, sleep } from '@damselfly/core'
import type { DaemonConfig } from '../config.ts'
import type { HostIdentity } from './host-identity.ts'
import type { SchedulerLink, SchedulerPool } from './scheduler-pool.ts'

/** What a scheduler is told of this host. */
export interface HostFacts {
  readonly identity: HostIdentity
  readonly config: DaemonConfig
  readonly version: string
  /** gRPC port of the upload server; the scheduler and children call it. Known when the server listens. */
  readonly port: () => number
  readonly diskSpace: () => Promise<{ totalBytes: number; freeBytes: number }>
}

export interface AnnouncerDeps {
  readonly schedulers: Pick<SchedulerPool, 'all'>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

const superSeed = 1
const leaveTimeoutMs = 2_000
/**
 * A scheduler that restarts forgets its hosts and tells nobody, and nothing but the next announcement tells it of a host that
 * is idle. So the host is announced at least this often, whatever interval the schedulers are told to expect.
 */
const maxPauseMs = 30_000
/** The pause after a failure; it doubles with each further one, up to `maxPauseMs`. */
const retryMs = 1_000
/** Fraction by which a pause may be shorter, so that the hosts of a cluster do not all announce at the same time. */
const jitter = 0.1

/** Tells every scheduler that this host is here, again and again, and that it leaves. */
export class HostAnnouncer {
  readonly #facts: HostFacts
  readonly #intervalMs: number
  readonly #deps: AnnouncerDeps
  readonly #stopping = new AbortController()
  /** One for each scheduler, so that one that hangs does not keep the others waiting. */
  readonly #loops = new Map<SchedulerLink, Promise<void>>()

  constructor(facts: HostFacts, deps: AnnouncerDeps) {
    this.#facts = facts
    this.#intervalMs = facts.config.scheduler.announceInterval
    this.#deps = deps
  }

  /** Announces once to all, then goes on by itself. A scheduler that is away costs a warning. */
  async start(): Promise<void> {
    await this.announceToAll(this.#stopping.signal)
  }

  async announce(link: SchedulerLink, signal: AbortSignal): Promise<void> {
    await link.scheduler.announceHost(await this.#request(), { signal })
  }

  /** Stops announcing and leaves. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#loops.values())
    await this.leave()
  }

  /** Tells every scheduler that this host leaves; one that does not answer soon is left alone. */
  async leave(): Promise<void> {
    const deadline = new AbortController()
    const cancel = this.#deps.clock.schedule(leaveTimeoutMs, () => deadline.abort())
    await Promise.allSettled(
      this.#deps.schedulers
        .all()
        .map((link) =>
          link.scheduler.deleteHost(
            { hostId: this.#facts.identity.id },
            { signal: deadline.signal },
          ),
        ),
    )
    cancel()
  }

  /** Once, now, to every scheduler that this host has, and from then on again and again. */
  async announceToAll(outer: AbortSignal): Promise<void> {
    if (this.#stopping.signal.aborted) return
    using linked = linkSignals(outer, this.#stopping.signal)
    await Promise.all(
      this.#deps.schedulers.all().map(async (link) => {
        const isAnnounced = await this.#attempt(link, { signal: linked.signal, failures: 0 })
        if (this.#stopping.signal.aborted || this.#loops.has(link)) return
        this.#loops.set(link, this.#keepAnnounced(link, isAnnounced))
      }),
    )
  }

  /** Until the announcer stops or the scheduler is none of this host's any more. Never rejects. */
  async #keepAnnounced(link: SchedulerLink, isAnnounced: boolean): Promise<void> {
    const { clock, log, schedulers } = this.#deps
    const { signal } = this.#stopping
    let failures = isAnnounced ? 0 : 1
    for (;;) {
      // The reason of an abort; there is no other failure.
      await sleep(clock, this.#pauseMs(failures), signal).catch(() => {})
      if (signal.aborted || !schedulers.all().includes(link)) break
      if (!(await this.#attempt(link, { signal, failures }))) {
        failures += 1
      } else if (failures > 0) {
        log.info({ scheduler: link.address, failures }, 'this host is announced again')
        failures = 0
      }
    }
    this.#loops.delete(link)
  }

  #pauseMs(failures: number): number {
    const wholeMs =
      failures === 0
        ? Math.min(this.#intervalMs, maxPauseMs)
        : Math.min(retryMs * 2 ** (failures - 1), maxPauseMs)
    return wholeMs * (1 - this.#deps.random.next() * jitter)
  }

  /** True when the scheduler knows this host now. Of failures in a row only the first is worth a warning. */
  async #attempt(
    link: SchedulerLink,
    { signal, failures }: { signal: AbortSignal; failures: number },
  ): Promise<boolean> {
    try {
      await this.announce(link, signal)
      return true
    } catch (err) {
      if (signal.aborted) return false
      link.markUnavailable()
      const level = failures === 0 ? 'warn' : 'debug'
      this.#deps.log[level]({ scheduler: link.address, err }, 'announcing this host failed')
      return false
    }
  }

  async #request() {
    const { identity, config, version } = this.#facts
    const { id, ip, hostname, isSeed } = identity
    const { idc, location, schedulerClusterID } = config.host
    const port = this.#facts.port()
    const space = await this.#facts.diskSpace()
    const host: Host = create(HostSchema, {
      id,
      ip,
      hostname,
      name: hostname,
      type: isSeed ? superSeed : 0,
      port,
      downloadPort: port,
      os: platform(),
      platform: type(),
      platformVersion: release(),
      kernelVersion: release(),
      schedulerClusterId: BigInt(schedulerClusterID),
      disableShared: config.upload.disableShared,
      cpu: { logicalCount: cpus().length, physicalCount: cpus().length },
      memory: {
        total: BigInt(totalmem()),
        free: BigInt(freemem()),
        available: BigInt(freemem()),
        used: BigInt(totalmem() - freemem()),
      },
      network: {
        maxTxBandwidth: BigInt(config.upload.bandwidthLimit * 8),
        maxRxBandwidth: BigInt(config.download.bandwidthLimit * 8),
        ...(idc === undefined ? {} : { idc }),
        ...(location === undefined ? {} : { location }),
      },
      disk: {
        total: BigInt(space.totalBytes),
        free: BigInt(space.freeBytes),
        used: BigInt(space.totalBytes - space.freeBytes),
      },
      build: { gitVersion: `damselfly/${version}`, platform: `${platform()}/${arch()}` },
    })
    return create(AnnounceHostRequestSchema, { host, interval: durationFromMs(this.#intervalMs) })
  }
}
