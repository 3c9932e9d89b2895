import type { Metadata } from '../metadata/metadata.ts'
import type { Retention } from '../store.ts'

export interface KeptRetention {
  readonly isPinned: boolean
  readonly expiresAt: number | undefined
  readonly policy: string
}

/** How long a task is to be kept. */
export class TaskRetention {
  readonly #row: number
  readonly #metadata: Metadata
  #kept: KeptRetention

  constructor(row: number, { isPinned, expiresAt, policy }: KeptRetention, metadata: Metadata) {
    this.#row = row
    this.#kept = { isPinned, expiresAt, policy }
    this.#metadata = metadata
  }

  get kept(): KeptRetention {
    return this.#kept
  }

  change({ isPinned, expiresAt, policy }: Retention): void {
    const kept = {
      isPinned: isPinned ?? this.#kept.isPinned,
      expiresAt: expiresAt === undefined ? this.#kept.expiresAt : (expiresAt ?? undefined),
      policy: policy ?? this.#kept.policy,
    }
    this.#metadata.retainTask(this.#row, kept)
    this.#kept = kept
  }
}
