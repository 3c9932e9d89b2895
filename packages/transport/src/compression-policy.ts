import type { Clock } from '@damselfly/core'
import { blockBytes, compressBlock, decompressBlock } from './packed-blocks.ts'

/** What one level does to the sample of a task. */
export interface LevelSample {
  readonly level: number
  /** Packed bytes per plain byte. */
  readonly ratio: number
  /** Plain bytes per second, on one core. */
  readonly compressBytesPerSec: number
  readonly decompressBytesPerSec: number
}

export interface CompressionPolicyOptions {
  /** Data that shrinks by less is left alone. Default 0.1. */
  readonly minSaving?: number
  /** Packing has to be so many times as fast as sending plain bytes: it takes processor time from others. Default 1.3. */
  readonly minGain?: number
  /** Tasks that are remembered; the one decided longest ago is forgotten. Default 4096. */
  readonly maxTasks?: number
}

export interface CompressionStats {
  /** Tasks that shrink. */
  readonly packable: number
  /** Tasks that do not. */
  readonly plain: number
}

/** 64 to 256 KiB tell enough: the levels differ little, and packed data is noticed in a few KiB. */
export const minSampleBytes = 64 * 1024
export const maxSampleBytes = 256 * 1024
/** Container layer of dataplane.md section 4: about 340, 270 and 155 MB/s. */
export const sampledLevels = [-3, 1, 3] as const

/**
 * Decides whether the pieces of a task travel packed, and at which level: per task by what a sample of it has shown, per
 * link by how fast that is. The stages of a pipeline - packing, link, unpacking - work at once, so the slowest one counts;
 * packing pays when that one is faster than the link with plain bytes. Pure: it knows no bytes and no clock.
 */
export class CompressionPolicy {
  readonly #options: Required<CompressionPolicyOptions>
  /** The levels that are of use for a task; none when it does not shrink. */
  readonly #tasks = new Map<string, readonly LevelSample[]>()

  constructor(options: CompressionPolicyOptions = {}) {
    this.#options = { minSaving: 0.1, minGain: 1.3, maxTasks: 4096, ...options }
  }

  get stats(): CompressionStats {
    const tasks = [...this.#tasks.values()]
    const packable = tasks.filter((samples) => samples.length > 0).length
    return { packable, plain: tasks.length - packable }
  }

  /** Nothing is known of the task yet: somebody should take a sample. */
  needsSample(taskId: string): boolean {
    return !this.#tasks.has(taskId)
  }

  learn(taskId: string, samples: readonly LevelSample[]): void {
    const mostRatio = 1 - this.#options.minSaving
    this.#tasks.delete(taskId)
    this.#tasks.set(
      taskId,
      samples.filter(({ ratio }) => ratio <= mostRatio),
    )
    const [oldest] = this.#tasks.keys()
    if (this.#tasks.size > this.#options.maxTasks && oldest !== undefined) {
      this.#tasks.delete(oldest)
    }
  }

  forget(taskId: string): void {
    this.#tasks.delete(taskId)
  }

  /**
   * The level to pack with; `undefined` sends plain bytes. `linkBytesPerSec` is what the link has carried of late, in bytes
   * as they travel; unknown counts as too fast.
   */
  level(taskId: string, linkBytesPerSec: number | undefined): number | undefined {
    if (linkBytesPerSec === undefined) return undefined
    let best: number | undefined
    let bestRate = linkBytesPerSec * this.#options.minGain
    for (const sample of this.#tasks.get(taskId) ?? []) {
      const rate = packedRate(sample, linkBytesPerSec)
      // Among equals the one that costs least comes first.
      if (rate > bestRate * 1.05 || (best === undefined && rate >= bestRate)) {
        best = sample.level
        bestRate = rate
      }
    }
    return best
  }
}

/** Plain bytes per second when packed. */
function packedRate(
  { ratio, compressBytesPerSec, decompressBytesPerSec }: LevelSample,
  linkBytesPerSec: number,
): number {
  return Math.min(compressBytesPerSec, linkBytesPerSec / ratio, decompressBytesPerSec)
}

/**
 * Packs a sample at each level, cheapest first; stops at the first that does not shrink it at all. Takes some milliseconds:
 * call it off the control thread. A sample of less than `minSampleBytes` tells little of speed.
 */
export function takeSample(plain: Uint8Array, { clock }: { clock: Clock }): LevelSample[] {
  const sample = plain.subarray(0, Math.min(maxSampleBytes, blockBytes))
  const samples: LevelSample[] = []
  if (sample.byteLength === 0) return samples
  for (const level of sampledLevels) {
    const startedAtMs = clock.monotonic()
    const packed = compressBlock(sample, level)
    const packedAtMs = clock.monotonic()
    if (packed.byteLength >= sample.byteLength) break
    decompressBlock(packed, sample.byteLength)
    const unpackedAtMs = clock.monotonic()
    samples.push({
      level,
      ratio: packed.byteLength / sample.byteLength,
      compressBytesPerSec: rate(sample.byteLength, packedAtMs - startedAtMs),
      decompressBytesPerSec: rate(sample.byteLength, unpackedAtMs - packedAtMs),
    })
  }
  return samples
}

const rate = (bytes: number, ms: number): number => (bytes / Math.max(ms, 0.001)) * 1000
