import type { Measurement } from './stats.ts'

/** A benchmark: measures Damselfly beside something well known, alternately in the same run. */
export interface Bench {
  readonly name: string
  readonly title: string
  run(options: BenchOptions): Promise<BenchResult>
}

export interface BenchOptions {
  /** How often each side is measured. Default: the bench's own. */
  readonly runs?: number
  /** Of the file that is moved, where one is. Default: the bench's own. */
  readonly sizeMiB?: number
  /** Only what has this in its name, where the bench has parts. Default: all. */
  readonly only?: string
  /** Tells a person what is going on. */
  readonly log: (text: string) => void
  readonly signal: AbortSignal
}

export interface BenchResult {
  readonly bench: string
  readonly cases: readonly BenchCase[]
}

/** Rates are better the higher, times and memory the lower. */
export type Unit =
  | 'MiB/s'
  | 'files/s'
  | 'pieces/s'
  | 'decisions/s'
  | 'messages/s'
  | 'ms'
  | 'us'
  | 'MiB'
  | 'B/peer'
  | 'x'

export interface BenchCase {
  readonly name: string
  readonly unit: Unit
  readonly ours: Measurement
  /** Absent where nothing is comparable. */
  readonly peer?: Measurement
  /** Peak of the process of ours that counts here. */
  readonly rssMiB?: number
  /** What is to be reached, e.g. `ratio >= 1.5` or `<= 200`. */
  readonly aim?: string
  readonly note?: string
}

/** Wrong use, or the machine lacks something; the message says what to do. */
export class BenchError extends Error {
  override readonly name = 'BenchError'
}
