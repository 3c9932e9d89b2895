import { formatBytes, formatDuration, formatRate } from '@damselfly/core'
import type { Shares } from '../download/shares-tracker.ts'
import { fitShares } from './summary.ts'
import { padEnd, padStart, printable, truncateMiddle, widthOf } from './text.ts'

export interface BarState {
  readonly name: string
  readonly sizeBytes: number
  readonly doneBytes: number
  readonly bytesPerSec: number
  readonly shares: Shares
}

/** What a line has room for, by the width of the terminal; every field keeps its width so that nothing moves about. */
interface Layout {
  readonly minColumns: number
  readonly nameWidth: number
  readonly hasTotal: boolean
  readonly hasBytes: boolean
  readonly hasRate: boolean
  readonly hasEta: boolean
  readonly sharesWidth: number
}

const all = { hasTotal: true, hasBytes: true, hasRate: true, hasEta: true }
const noTotal = { ...all, hasTotal: false }
const little = { hasTotal: false, hasBytes: false, hasRate: true, hasEta: false }

const layouts: readonly Layout[] = [
  { minColumns: 118, nameWidth: 20, sharesWidth: 38, ...all },
  { minColumns: 98, nameWidth: 20, sharesWidth: 29, ...noTotal },
  { minColumns: 76, nameWidth: 12, sharesWidth: 20, ...noTotal },
  { minColumns: 56, nameWidth: 14, sharesWidth: 0, ...noTotal },
  { minColumns: 44, nameWidth: 8, sharesWidth: 0, ...noTotal },
  { minColumns: 30, nameWidth: 10, sharesWidth: 0, ...little },
  { minColumns: 0, nameWidth: 4, sharesWidth: 0, ...little, hasRate: false },
]

/** Usual widths; a longer text takes from the bar. */
const bytesWidth = '512.5 MiB'.length
const rateWidth = '512.5 MiB/s'.length
const etaWidth = '1m30s'.length
const barWidths = { min: 5, max: 40 }

/** Kept free at the end of the line: the terminal's echo of Ctrl-C would wrap, and the bar go on a line below. */
const marginColumns = 3

/** One line for a running download. */
export function barLine(state: BarState, columns: number): string {
  const layout = layouts.find(({ minColumns }) => columns >= minColumns) ?? layouts.at(-1)
  if (layout === undefined) return ''
  const room = Math.max(0, columns - marginColumns)
  const name = truncateMiddle(printable(state.name), layout.nameWidth)
  const facts = factsOf(state, layout).join(' ')
  const barWidth = Math.min(barWidths.max, room - widthOf(name) - widthOf(facts) - 2)
  const bar = barWidth >= barWidths.min ? ` ${drawBar(fraction(state), barWidth)} ` : ' '
  return truncateMiddle(`${name}${bar}${facts}`, room)
}

function factsOf(state: BarState, layout: Layout): string[] {
  const { sizeBytes, doneBytes, bytesPerSec, shares } = state
  const facts = [`${padStart(String(Math.floor(fraction(state) * 100)), 3)}%`]
  const done = padStart(formatBytes(doneBytes), bytesWidth)
  if (layout.hasTotal) facts.push(`${done} of ${padEnd(formatBytes(sizeBytes), bytesWidth)}`)
  else if (layout.hasBytes) facts.push(done)
  if (layout.hasRate) facts.push(padStart(formatRate(bytesPerSec), rateWidth))
  if (layout.hasEta) facts.push(padStart(etaOf(state), etaWidth))
  if (layout.sharesWidth > 0) {
    facts.push(padEnd(fitShares(shares, layout.sharesWidth), layout.sharesWidth))
  }
  return facts
}

function fraction({ sizeBytes, doneBytes }: BarState): number {
  return sizeBytes > 0 ? Math.min(1, doneBytes / sizeBytes) : 1
}

function etaOf({ sizeBytes, doneBytes, bytesPerSec }: BarState): string {
  if (doneBytes >= sizeBytes) return '0s'
  if (bytesPerSec < 1) return '-'
  const seconds = Math.ceil((sizeBytes - doneBytes) / bytesPerSec)
  return seconds > 99 * 86_400 ? '-' : formatDuration(seconds * 1_000)
}

function drawBar(done: number, width: number): string {
  const inner = width - 2
  const full = Math.round(done * inner)
  return `[${'='.repeat(full)}${' '.repeat(inner - full)}]`
}
