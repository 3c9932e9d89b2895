/** One side of a case: what stands for all its runs, and the middle half of them. */
export interface Measurement {
  readonly value: number
  /** First and third quartile; absent where they would say nothing, as for a 99th percentile. */
  readonly middleHalf?: readonly [low: number, high: number]
}

/** The median of the samples and their middle half. */
export function median(samples: readonly number[]): Measurement {
  return {
    value: percentile(samples, 50),
    middleHalf: [percentile(samples, 25), percentile(samples, 75)],
  }
}

/** Linear between the two nearest samples; `NaN` without samples. */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const position = ((sorted.length - 1) * percent) / 100
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position - Math.floor(position))
}
