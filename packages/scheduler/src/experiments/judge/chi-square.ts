/** Beyond this the rest of the normal distribution is smaller than what a double can tell from zero. */
const ERFC_ZERO = 6

/** Share of a normal distribution farther than `x * sqrt(2)` standard deviations from its middle; absolute error below 1e-14. */
function erfc(x: number): number {
  if (x >= ERFC_ZERO) return 0
  // erf as a series of positive terms, so that nothing cancels: 2x/sqrt(pi) e^(-x^2) (1 + 2x^2/3 + (2x^2)^2/(3*5) + ...).
  let term = 1
  let sum = 1
  for (let odd = 3; term > sum * 1e-17; odd += 2) {
    term *= (2 * x * x) / odd
    sum += term
  }
  return Math.max(0, 1 - ((2 * x) / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum)
}

/** The chance that a chi-square of so many degrees of freedom is as large as `value` or larger. */
export function chiSquareTail(value: number, degrees: number): number {
  if (value <= 0) return 1
  // Q(d + 2) = Q(d) + (x/2)^(d/2) e^(-x/2) / Gamma(d/2 + 1), from Q(1) or from Q(2).
  const half = value / 2
  const isOdd = degrees % 2 === 1
  let degree = isOdd ? 1 : 2
  let tail = isOdd ? erfc(Math.sqrt(half)) : Math.exp(-half)
  let step = isOdd ? 2 * Math.sqrt(half / Math.PI) * Math.exp(-half) : half * Math.exp(-half)
  while (degree < degrees) {
    tail += step
    degree += 2
    step *= half / (degree / 2)
  }
  return tail
}
