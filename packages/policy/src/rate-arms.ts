import { DfError } from '@damselfly/core'
import { z } from 'zod'

/** A column is as long as the greatest slot, so a saved one must not be any number. */
const MAX_HOSTS = 1 << 24

const savedArms = z.strictObject({
  /** Host slot, mean rate in bytes/s, observations. */
  hosts: z.array(
    z.tuple([z.int().min(0).max(MAX_HOSTS), z.number().min(0), z.int().min(1).max(1_000_000)]),
  ),
})

/** What has been observed of the hosts' rates; one row per host slot, grown as slots appear. */
export class RateArms {
  readonly #memory: number
  #mean = new Float64Array(0)
  #count = new Float64Array(0)
  #total = 0
  #logTotal = 0

  /** Of a host no more than `memory` observations count, so that what was learned fades. */
  constructor(memory: number) {
    this.#memory = memory
  }

  /** ln(1 + observations of all hosts that are remembered). */
  get logTotal(): number {
    return this.#logTotal
  }

  /** Observations of this host. */
  count(host: number): number {
    return host < this.#count.length ? (this.#count[host] as number) : 0
  }

  /** Bytes/s; 0 = not observed. */
  mean(host: number): number {
    return host < this.#mean.length ? (this.#mean[host] as number) : 0
  }

  add(host: number, rate: number): void {
    this.#reserve(host)
    const before = this.count(host)
    const count = Math.min(before + 1, this.#memory)
    this.#mean[host] = this.mean(host) + (rate - this.mean(host)) / count
    this.#count[host] = count
    this.#addTotal(count - before)
  }

  forget(host: number): void {
    if (host >= this.#count.length) return
    this.#addTotal(-this.count(host))
    this.#count[host] = 0
    this.#mean[host] = 0
  }

  save(): z.output<typeof savedArms> {
    const hosts: [number, number, number][] = []
    for (const [host, count] of this.#count.entries()) {
      if (count > 0) hosts.push([host, this.mean(host), count])
    }
    return { hosts }
  }

  restore(saved: unknown): void {
    const result = savedArms.safeParse(saved)
    if (!result.success) {
      throw new DfError(
        'InvalidArgument',
        `This is not what the policy "bandit" has saved:\n${z.prettifyError(result.error)}`,
        { cause: result.error },
      )
    }
    this.#count.fill(0)
    this.#mean.fill(0)
    this.#addTotal(-this.#total)
    for (const [host, mean, count] of result.data.hosts) {
      this.#reserve(host)
      this.#mean[host] = mean
      this.#count[host] = Math.min(count, this.#memory)
    }
    this.#addTotal(this.#count.reduce((sum, count) => sum + count, 0))
  }

  #addTotal(more: number): void {
    this.#total += more
    this.#logTotal = Math.log1p(this.#total)
  }

  #reserve(host: number): void {
    if (host < this.#count.length) return
    const size = Math.max(64, 2 ** Math.ceil(Math.log2(host + 1)))
    this.#mean = grown(this.#mean, size)
    this.#count = grown(this.#count, size)
  }
}

function grown(column: Float64Array<ArrayBuffer>, size: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(size)
  larger.set(column)
  return larger
}
