import type { Slot } from './messages.ts'

/** One piece on its way from one neighbour to us. */
export interface Flow {
  readonly slot: Slot
  readonly piece: number
  readonly isHedge: boolean
  startedAt: number
  /** When the last byte came, or it was asked for. */
  progressAt: number
  bytes: number
  /** It takes much longer than usual, so it does not count as one in flight. */
  isOverdue: boolean
}

/** What is in flight: a handful, so looking through all of them is the fastest. */
export class Flows {
  readonly #flows: Flow[] = []

  get all(): readonly Flow[] {
    return this.#flows
  }

  get size(): number {
    return this.#flows.length
  }

  /** Flows that take their usual time. */
  get counted(): number {
    let counted = 0
    for (const { isOverdue } of this.#flows) if (!isOverdue) counted += 1
    return counted
  }

  begin(slot: Slot, piece: number, isHedge: boolean, now: number): void {
    const times = { startedAt: now, progressAt: now }
    this.#flows.push({ slot, piece, isHedge, ...times, bytes: 0, isOverdue: false })
  }

  find(slot: Slot, piece: number): Flow | undefined {
    return this.#flows.find((flow) => flow.slot === slot && flow.piece === piece)
  }

  /** How many come from there. */
  from(slot: Slot): number {
    let count = 0
    for (const flow of this.#flows) if (flow.slot === slot) count += 1
    return count
  }

  /** How many bring that piece. */
  of(piece: number): number {
    let count = 0
    for (const flow of this.#flows) if (flow.piece === piece) count += 1
    return count
  }

  end(flow: Flow): void {
    const at = this.#flows.indexOf(flow)
    if (at >= 0) this.#flows.splice(at, 1)
  }

  /** This host slept: nobody else is to blame for that time. */
  shift(byMs: number, now: number): void {
    for (const flow of this.#flows) {
      flow.startedAt = Math.min(now, flow.startedAt + byMs)
      flow.progressAt = Math.min(now, flow.progressAt + byMs)
    }
  }
}
