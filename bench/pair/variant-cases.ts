import type { BenchCase } from '../harness/bench.ts'
import { median } from '../harness/stats.ts'
import type { End, Transfer, VariantResult } from './measure-variant.ts'
import type { Variant } from './variants.ts'

/** Of each daemon. */
const rssAimMiB = 190
const delayAimMs = 10

/** The rate and what it cost, in rows. */
export function variantCases(variant: Variant, result: VariantResult): BenchCase[] {
  const { transfers, threads } = result
  const name = `${formatMiB(variant.sizeMiB)} ${variant.name}`
  const perGiB = variant.sizeMiB / 1024
  const row = (what: string, unit: BenchCase['unit'], of: (one: Transfer) => number) => ({
    name: `${name}${what}`,
    unit,
    ours: median(transfers.ours.map(of)),
    peer: median(transfers.peer.map(of)),
  })
  const holdsFileInMemory = variant.to === 'memory'
  const rssAim = (isExempt: boolean) => (isExempt ? {} : { aim: `<= ${rssAimMiB}` })
  return [
    {
      ...row('', 'MiB/s', (one) => one.mibPerSec),
      ...(variant.aim === undefined ? {} : { aim: variant.aim }),
      note: note(variant, threads),
    },
    row(', CPU per GiB, child', 'ms', ({ child }) => child.cpuMs / perGiB),
    row(', CPU per GiB, parent', 'ms', ({ parent }) => parent.cpuMs / perGiB),
    {
      ...row(', peak RSS, child', 'MiB', ({ child }) => child.peakRssMiB),
      ...rssAim(holdsFileInMemory),
    },
    { ...row(', peak RSS, parent', 'MiB', ({ parent }) => parent.peakRssMiB), ...rssAim(false) },
    ...delayCase(`${name}, event loop p99, child`, transfers.ours, ({ child }) => child),
    ...delayCase(`${name}, event loop p99, parent`, transfers.ours, ({ parent }) => parent),
  ]
}

/** None when the daemon does not tell its delay. */
function delayCase(
  name: string,
  transfers: readonly Transfer[],
  end: (one: Transfer) => End,
): BenchCase[] {
  const delays = transfers.flatMap((one) => end(one).delayP99Ms ?? [])
  if (delays.length === 0) return []
  return [{ name, unit: 'ms', ours: median(delays), aim: `<= ${delayAimMs}` }]
}

function note({ note }: Variant, threads: VariantResult['threads']): string {
  const data = `${threads.child} data threads in the child, ${threads.parent} in the parent`
  const own = note === undefined ? '' : ` ${note}`
  return `peer is nginx (sendfile, one process) and one curl; warm page cache; every copy of ours verified; ${data}.${own}`
}

/** `4 GiB`, `512 MiB`. */
export function formatMiB(mib: number): string {
  return mib % 1024 === 0 ? `${mib / 1024} GiB` : `${mib} MiB`
}
