import { formatBytes, formatDuration, formatRate } from '@damselfly/core'
import type { Giver, Shares } from '../download/shares-tracker.ts'
import { printable } from './text.ts'

export interface DownloadSummary {
  readonly name: string
  /** Absolute. */
  readonly output: string
  readonly sizeBytes: number
  readonly elapsedMs: number
  readonly shares: Shares
}

const order: readonly Giver[] = ['peers', 'seed', 'origin', 'cache']

/** `peers 62% seed 30% origin 8%`: who gave how much, without those who gave nothing. */
export function formatShares(shares: Shares): string {
  return shareParts(shares).join(' ')
}

/** As many of the parts as fit, those with the most bytes first in line to stay. */
export function fitShares(shares: Shares, width: number): string {
  const kept = [...givers(shares)]
  for (;;) {
    const text = shareParts(shares)
      .filter((_, index) => kept.includes(givers(shares)[index] ?? 'cache'))
      .join(' ')
    if (text.length <= width) return text
    const smallest = kept.reduce((a, b) => (shares[b] <= shares[a] ? b : a))
    kept.splice(kept.indexOf(smallest), 1)
  }
}

const givers = (shares: Shares): Giver[] => order.filter((giver) => shares[giver] > 0)

function shareParts(shares: Shares): string[] {
  const total = shares.peers + shares.seed + shares.origin + shares.cache
  return givers(shares).map((giver) => {
    const percent = (shares[giver] / total) * 100
    return `${giver} ${percent < 1 ? '<1' : Math.round(percent)}%`
  })
}

/** `model.bin: 1.2 GiB in 12.3s (98.3 MiB/s), peers 62% seed 38%, saved to /data/model.bin`. */
export function summaryLine({
  name,
  output,
  sizeBytes,
  elapsedMs,
  shares,
}: DownloadSummary): string {
  const rate = formatRate(averageRate(sizeBytes, elapsedMs))
  const parts = [`${formatBytes(sizeBytes)} in ${formatDuration(elapsedMs)} (${rate})`]
  const given = formatShares(shares)
  if (given !== '') parts.push(given)
  parts.push(`saved to ${printable(output)}`)
  return `${printable(name)}: ${parts.join(', ')}`
}

export function averageRate(bytes: number, elapsedMs: number): number {
  return elapsedMs > 0 ? (bytes / elapsedMs) * 1_000 : 0
}
