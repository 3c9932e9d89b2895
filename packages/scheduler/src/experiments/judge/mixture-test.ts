/** How far two arms are apart by what has been seen so far, and the variance of that number. */
export interface Estimate {
  readonly difference: number
  /** Positive. */
  readonly variance: number
}

export interface Interval {
  readonly low: number
  readonly high: number
}

export interface MixtureOptions {
  /** Standard deviation of the effects that are thought possible: the test is quickest for effects of about this size. */
  readonly tau: number
  /** Share of experiments without any effect that may ever be called one. */
  readonly alpha: number
}

export const everything: Interval = {
  low: Number.NEGATIVE_INFINITY,
  high: Number.POSITIVE_INFINITY,
}

/**
 * Likelihood of the data under effects drawn from N(0, tau^2), over that under no effect at all. Under no effect it is a
 * martingale that starts at one, so it exceeds 1/alpha at any time with a chance of at most alpha, however often one looks
 * (Johari, Pekelis and Walsh, "Always valid inference").
 */
export function likelihoodRatio({ difference, variance }: Estimate, tau: number): number {
  const total = variance + tau ** 2
  return Math.sqrt(variance / total) * Math.exp((tau * difference) ** 2 / (2 * variance * total))
}

/** All effects that the test does not refuse at this look: half of the width of an interval around the difference. */
export function halfWidth(variance: number, { tau, alpha }: MixtureOptions): number {
  const total = variance + tau ** 2
  const slack = 2 * Math.log(1 / alpha) + Math.log(total / variance)
  return Math.sqrt((variance * total * slack) / tau ** 2)
}

export function intervalOf(estimate: Estimate, options: MixtureOptions): Interval {
  const half = halfWidth(estimate.variance, options)
  return { low: estimate.difference - half, high: estimate.difference + half }
}

/**
 * A test that may be looked at after every observation and stopped at any time. The p-value never rises and the interval
 * never grows: what was refused once stays refused. An interval that becomes empty (`low` above `high`) says that the
 * effect was not the same all the time.
 */
export class MixtureTest {
  readonly #options: MixtureOptions
  #pValue = 1
  #interval = everything

  constructor(options: MixtureOptions) {
    this.#options = options
  }

  get pValue(): number {
    return this.#pValue
  }

  get interval(): Interval {
    return this.#interval
  }

  look(estimate: Estimate): void {
    this.#pValue = Math.min(this.#pValue, 1 / likelihoodRatio(estimate, this.#options.tau))
    const { low, high } = intervalOf(estimate, this.#options)
    this.#interval = {
      low: Math.max(this.#interval.low, low),
      high: Math.min(this.#interval.high, high),
    }
  }
}
