import type { CancelTimer, Clock, Disk, Log } from '@damselfly/core'
import { NameSyncs } from '../media/name-syncs.ts'
import type { Metadata } from '../metadata/metadata.ts'
import type { CrashPoint } from './crash-points.ts'
import { syncLog } from './log-sync.ts'

/** A task as sync points see it. */
export interface SyncedTask {
  readonly isDeleted: boolean
  /** The bytes are on the disk; so is the way to them once `names` have run. */
  syncContent(names: NameSyncs): Promise<void>
  /** The disk has lost what was written since the epoch: forget it. */
  distrust(epoch: number): Promise<void>
}

export interface SyncPointsDeps {
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
  readonly metadata: Metadata
  readonly crash: CrashPoint
}

/**
 * In `fast` mode the kernel writes when it likes. Every so often all content written since the last time is synced, and then it
 * is recorded that everything up to that epoch is on the disk. After a power cut only later blocks have to be doubted.
 */
export class SyncPoints {
  /** Recorded with each block that is written now. */
  epoch: number
  readonly #intervalMs: number
  readonly #deps: SyncPointsDeps
  #dirty = new Set<SyncedTask>()
  #cancel: CancelTimer = () => {}
  #running: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(options: { epoch: number; intervalMs: number }, deps: SyncPointsDeps) {
    this.epoch = options.epoch
    this.#intervalMs = options.intervalMs
    this.#deps = deps
  }

  /** The task was written to in this epoch. */
  mark(task: SyncedTask): void {
    this.#dirty.add(task)
  }

  start(): void {
    if (this.#isStopped) return
    this.#cancel = this.#deps.clock.schedule(this.#intervalMs, () => {
      this.#running = this.run().then(() => this.start())
    })
  }

  /** One sync point. Failures are logged; the next one tries again. */
  async run(): Promise<void> {
    if (this.#dirty.size === 0) return
    const { metadata, disk, log, crash } = this.#deps
    const [tasks, epoch] = [this.#dirty, this.epoch]
    this.#dirty = new Set()
    this.epoch += 1
    crash('sync:begun')
    try {
      await this.#syncAll(tasks, epoch)
      // The rest has not been synced: nothing may be said of this epoch.
      if (this.#isStopped) return
      crash('sync:content')
      await syncLog(metadata, disk)
      crash('sync:log')
      metadata.setState('synced_epoch', String(epoch))
      crash('sync:recorded')
      await metadata.checkpoint()
      crash('sync:checkpoint')
    } catch (err) {
      for (const task of tasks) this.#dirty.add(task)
      if (!this.#isStopped) log.warn({ err }, 'the store could not be synced')
    }
  }

  /** Waits for the sync point under way; none follows. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancel()
    await this.#running
  }

  async #syncAll(tasks: Iterable<SyncedTask>, epoch: number): Promise<void> {
    const names = new NameSyncs()
    for (const task of tasks) {
      await this.#attempt([task], epoch, () => task.syncContent(names))
    }
    await this.#attempt(tasks, epoch, () => names.run(this.#deps.disk))
  }

  async #attempt(
    tasks: Iterable<SyncedTask>,
    epoch: number,
    sync: () => Promise<void>,
  ): Promise<void> {
    const present = [...tasks].filter(({ isDeleted }) => !isDeleted)
    if (present.length === 0 || this.#isStopped) return
    try {
      await sync()
    } catch (err) {
      const doubtful = present.filter(({ isDeleted }) => !isDeleted)
      if (doubtful.length === 0) return
      // The kernel reports a failed write once and then takes the pages for clean: trying again would succeed and mean nothing.
      this.#deps.log.error(
        { err },
        'content was not written to the disk; its last pieces are forgotten',
      )
      for (const task of doubtful) await task.distrust(epoch)
    }
  }
}
