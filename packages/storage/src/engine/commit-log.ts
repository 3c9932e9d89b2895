import { DfError, type Disk } from '@damselfly/core'
import type { PieceDigests } from '@damselfly/core/hashing'
import { NameSyncs } from '../media/name-syncs.ts'
import type { Metadata } from '../metadata/metadata.ts'
import type { PieceSeal } from '../place/content-place.ts'
import type { PieceFacts, PieceRecord } from '../store.ts'
import type { CrashPoint } from './crash-points.ts'
import { syncLog } from './log-sync.ts'

/** A piece whose bytes are in place. */
export interface WrittenPiece {
  readonly number: number
  readonly digests: PieceDigests
  readonly seal?: PieceSeal
  readonly facts: PieceFacts
}

/** A task as commits see it. */
export interface CommittedTask {
  /** Throws when the task is gone. */
  checkPresent(): void
  /** The bytes are on the disk; so is the way to them once `names` have run. */
  syncContent(names: NameSyncs): Promise<void>
  /** Writes the pieces' rows; `apply` makes them count. One transaction, or part of one. */
  record(pieces: readonly WrittenPiece[]): { apply(): void }
  piece(number: number): PieceRecord | undefined
}

export interface CommitLogDeps {
  readonly metadata: Metadata
  readonly disk: Disk
  readonly crash: CrashPoint
}

/** One group of commits is no larger, so that the first of it does not wait for ever. */
const maxGroup = 256

interface Waiting {
  readonly task: CommittedTask
  readonly piece: WrittenPiece
  readonly resolve: (record: PieceRecord) => void
  readonly reject: (error: unknown) => void
}

/**
 * Records pieces. `fast`: at once. `durable`: the content is synced first and the metadata's log afterwards; while the disk is
 * busy with that, the commits that come together wait for the next round, which syncs each file once for all of them.
 */
export class CommitLog {
  readonly #isDurable: boolean
  readonly #deps: CommitLogDeps
  readonly #waiting: Waiting[] = []
  #running: Promise<void> | undefined

  constructor(options: { isDurable: boolean }, deps: CommitLogDeps) {
    this.#isDurable = options.isDurable
    this.#deps = deps
  }

  get isDurable(): boolean {
    return this.#isDurable
  }

  async commit(task: CommittedTask, piece: WrittenPiece): Promise<PieceRecord> {
    if (this.#isDurable) {
      return await new Promise((resolve, reject) => {
        this.#waiting.push({ task, piece, resolve, reject })
        this.#running ??= this.#run()
      })
    }
    task.checkPresent()
    task.record([piece]).apply()
    this.#deps.crash('commit:after-block')
    return recordOf(task, piece)
  }

  /** Makes what was recorded before survive a power cut. */
  syncLog(): Promise<void> {
    return syncLog(this.#deps.metadata, this.#deps.disk)
  }

  /** Waits for the commits under way. */
  async settled(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, maxGroup)
      try {
        await this.#commitGroup(group)
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#running = undefined
  }

  async #commitGroup(group: readonly Waiting[]): Promise<void> {
    const { metadata, disk, crash } = this.#deps
    crash('commit:before-sync')
    const names = new NameSyncs()
    const synced = await this.#syncContents(group, names)
    await names.run(disk)
    crash('commit:after-sync')
    const ready = synced.filter((waiting) => isPresent(waiting))
    const byTask = Map.groupBy(ready, ({ task }) => task)
    const recorded = metadata.transaction(() => {
      const done = [...byTask].map(([task, of]) => task.record(of.map(({ piece }) => piece)))
      crash('commit:in-group')
      return done
    })
    for (const each of recorded) each.apply()
    crash('commit:after-group')
    await syncLog(metadata, disk)
    crash('commit:after-log-sync')
    for (const { task, piece, resolve } of ready) resolve(recordOf(task, piece))
  }

  /** Those whose content is on the disk; the others have been told. */
  async #syncContents(group: readonly Waiting[], names: NameSyncs): Promise<Waiting[]> {
    const byTask = Map.groupBy(group, ({ task }) => task)
    const synced = await Promise.all(
      [...byTask].map(async ([task, of]) => {
        try {
          task.checkPresent()
          await task.syncContent(names)
          return of
        } catch (error) {
          for (const { reject } of of) reject(error)
          return []
        }
      }),
    )
    return synced.flat()
  }
}

function isPresent({ task, reject }: Waiting): boolean {
  try {
    task.checkPresent()
    return true
  } catch (error) {
    reject(error)
    return false
  }
}

function recordOf(task: CommittedTask, { number }: WrittenPiece): PieceRecord {
  const record = task.piece(number)
  if (record !== undefined) return record
  throw new DfError('Internal', `Piece ${number} was dropped while it was being recorded.`)
}
