/** Count, mean and sum of squared deviations of numbers that come one by one (Welford). */
export class Moments {
  count = 0
  mean = 0
  squares = 0

  add(value: number): void {
    this.count += 1
    const delta = value - this.mean
    this.mean += delta / this.count
    this.squares += delta * (value - this.mean)
  }

  /** Takes over what another one has counted (Chan, Golub and LeVeque). */
  merge({ count, mean, squares }: Readonly<Moments>): void {
    if (count === 0) return
    const total = this.count + count
    const delta = mean - this.mean
    this.mean += (delta * count) / total
    this.squares += squares + (delta ** 2 * this.count * count) / total
    this.count = total
  }
}
