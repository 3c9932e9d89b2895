import type { RunResult } from '../run-scenario.ts'

/** A run in numbers that compare: times in bounds, bytes in copies of the content. */
export interface Summary {
  readonly scenario: string
  readonly policy: string
  readonly seed: number
  readonly boundSeconds: number
  /** The last peer, the mean one and the slowest of 100, 1,000: from arrival to the last piece. */
  readonly makespan: number
  readonly mean: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  /** Mean time to the first tenth of the content without a gap. */
  readonly firstTenth: number
  readonly unfinished: number
  readonly originCopies: number
  readonly seedCopies: number
  /** Of the bytes from seeds and peers, those that left a rack. */
  readonly crossRack: number
  /** Of the bytes that peers wanted, those that came in vain. */
  readonly waste: number
  readonly decisionsPerPeer: number
  readonly events: number
}

export function summarise(result: RunResult): Summary {
  const { durations, firstTenths, bytes, boundMs, contentBytes, unfinished } = result
  const inBounds = (ms: number) => ms / boundMs
  const exchanged = bytes.seed + bytes.near + bytes.far
  const peers = Math.max(1, durations.length)
  // A run that was ended early has no makespan.
  const last = unfinished > 0 ? Number.POSITIVE_INFINITY : (durations.at(-1) ?? 0)
  return {
    scenario: result.scenario,
    policy: result.policy,
    seed: result.seed,
    boundSeconds: boundMs / 1000,
    makespan: inBounds(last),
    mean: inBounds(meanOf(durations)),
    p50: inBounds(quantile(durations, 0.5)),
    p99: inBounds(quantile(durations, 0.99)),
    p999: inBounds(quantile(durations, 0.999)),
    firstTenth: inBounds(meanOf(firstTenths)),
    unfinished,
    originCopies: bytes.origin / contentBytes,
    seedCopies: bytes.seed / contentBytes,
    crossRack: exchanged === 0 ? 0 : result.crossRackBytes / exchanged,
    waste: result.wastedBytes / (peers * contentBytes),
    decisionsPerPeer: result.decisions / peers,
    events: result.events,
  }
}

const meanOf = (values: Float64Array): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

/** The smallest value that at least this share of the ascending values does not exceed. */
export function quantile(ascending: Float64Array, share: number): number {
  const index = Math.ceil(share * ascending.length) - 1
  return ascending[Math.max(0, Math.min(index, ascending.length - 1))] ?? 0
}
