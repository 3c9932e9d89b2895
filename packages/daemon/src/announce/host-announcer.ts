import { arch, cpus, freemem, platform, release, totalmem, type } from 'node:os'
import { create } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { type Host, HostSchema } from '@damselfly/api/common'
import { AnnounceHostRequestSchema } from '@damselfly/api/scheduler'
import { type Clock, type Log, linkSignals, type Random, repeatingTask } from '@damselfly/core'
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
  readonly schedulers: SchedulerPool
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

const superSeed = 1
const leaveTimeoutMs = 2_000

/** Tells every scheduler that this host is here, again and again, and that it leaves. */
export class HostAnnouncer {
  readonly #facts: HostFacts
  readonly #intervalMs: number
  readonly #deps: AnnouncerDeps
  #loop: { stop(): Promise<void> } | undefined

  constructor(facts: HostFacts, deps: AnnouncerDeps) {
    this.#facts = facts
    this.#intervalMs = facts.config.scheduler.announceInterval
    this.#deps = deps
  }

  /** Announces once to all, then goes on by itself. A scheduler that is away costs a warning. */
  async start(): Promise<void> {
    await this.announceToAll(new AbortController().signal)
    this.#loop = repeatingTask(
      (signal) => this.announceToAll(signal),
      { name: 'announce host', intervalMs: this.#intervalMs },
      this.#deps,
    )
  }

  async announce(link: SchedulerLink, signal: AbortSignal): Promise<void> {
    await link.scheduler.announceHost(await this.#request(), { signal })
  }

  /** Stops announcing and leaves. */
  async stop(): Promise<void> {
    await this.#loop?.stop()
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

  /** Once, to every scheduler that this host has now. */
  async announceToAll(outer: AbortSignal): Promise<void> {
    using linked = linkSignals(outer)
    await Promise.all(
      this.#deps.schedulers.all().map(async (link) => {
        try {
          await this.announce(link, linked.signal)
        } catch (err) {
          if (linked.signal.aborted) return
          link.markUnavailable()
          this.#deps.log.warn({ scheduler: link.address, err }, 'announcing this host failed')
        }
      }),
    )
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
