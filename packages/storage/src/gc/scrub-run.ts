export interface ScrubRun {
  /** `waiting`: the next round is not due yet. `stopped`: the disk fails, see the log. */
  readonly outcome: 'finished' | 'waiting' | 'stopped'
  readonly verifiedPieces: number
  readonly verifiedBytes: number
  readonly damagedPieces: number
  readonly unreadablePieces: number
}

/** What a run has seen so far. */
export class RunTally {
  #verifiedPieces = 0
  #verifiedBytes = 0
  #unreadablePieces = 0
  unreadableInARow = 0
  damaged = 0

  verified(bytes: number): void {
    this.#verifiedPieces += 1
    this.#verifiedBytes += bytes
    this.unreadableInARow = 0
  }

  unreadable(): void {
    this.#unreadablePieces += 1
    this.unreadableInARow += 1
  }

  toRun(outcome: ScrubRun['outcome']): ScrubRun {
    return {
      outcome,
      verifiedPieces: this.#verifiedPieces,
      verifiedBytes: this.#verifiedBytes,
      damagedPieces: this.damaged,
      unreadablePieces: this.#unreadablePieces,
    }
  }
}
