import { type Deferred, deferred } from '@damselfly/core'
import type { Metadata } from '../metadata/metadata.ts'

/**
 * Deletes the rows of tasks. Those that are asked for at the same time go in one transaction: they often lie in the same pages of
 * the database, each of which is then written to the log once.
 */
export class RowDeletions {
  readonly #metadata: Metadata
  #waiting = new Map<number, Deferred<void>>()

  constructor(metadata: Metadata) {
    this.#metadata = metadata
  }

  /** Resolves when the task's row is gone; `DiskFailed` or `DiskFull`: it is still there, and so are those of the same moment. */
  delete(row: number): Promise<void> {
    if (this.#waiting.size === 0) queueMicrotask(() => this.#run())
    const waiting = deferred<void>()
    this.#waiting.set(row, waiting)
    return waiting.promise
  }

  #run(): void {
    const waiting = this.#waiting
    this.#waiting = new Map()
    try {
      this.#metadata.transaction(() => {
        for (const row of waiting.keys()) this.#metadata.deleteTask(row)
      })
      for (const { resolve } of waiting.values()) resolve()
    } catch (error) {
      for (const { reject } of waiting.values()) reject(error)
    }
  }
}
