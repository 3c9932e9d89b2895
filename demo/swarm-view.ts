import { averageRate, formatShares } from '@damselfly/cli'
import { formatBytes, formatRate } from '@damselfly/core'
import { type Copy, fileBytes } from './distribute.ts'

/** What there is to see while the file is on its way. */
export interface SwarmState {
  readonly copies: readonly Copy[]
  /** `undefined`: a foreign origin, which does not tell. */
  readonly originBytes: number | undefined
}

export interface ViewOutput {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Shows the state again and again until it is disposed, which shows it once more. */
export interface SwarmView extends Disposable {
  /** The state has changed; it is shown as soon as it is time. */
  changed(): void
}

const redrawMs = 80
const lineMs = 1_000

/** On a terminal a line per peer, drawn over; elsewhere a line per second. */
export function swarmView(output: ViewOutput, state: () => SwarmState): SwarmView {
  return output.isTTY === true ? drawnView(output, state) : lineView(output, state)
}

function drawnView(output: ViewOutput, state: () => SwarmState): SwarmView {
  let height = 0
  const draw = (): void => {
    const lines = drawSwarm(state(), output.columns ?? 80)
    const up = height > 0 ? `\x1b[${height}A` : ''
    // A key that was pressed may have moved the cursor to the right.
    output.write(`\r${up}${lines.map((line) => `\x1b[2K${line}\n`).join('')}`)
    height = lines.length
  }
  return paced(draw, redrawMs)
}

function lineView(output: ViewOutput, state: () => SwarmState): SwarmView {
  return paced(() => output.write(`${swarmLine(state())}\n`), lineMs)
}

function paced(show: () => void, intervalMs: number): SwarmView {
  let hasChanged = false
  const showNews = (): void => {
    if (hasChanged) show()
    hasChanged = false
  }
  const timer = setInterval(showNews, intervalMs)
  return {
    changed() {
      hasChanged = true
    },
    [Symbol.dispose]() {
      clearInterval(timer)
      showNews()
    },
  }
}

/** A line per peer and one for the origin, none wider than `columns`. */
export function drawSwarm({ copies, originBytes }: SwarmState, columns: number): string[] {
  const nameWidth = Math.max(6, ...copies.map(({ id }) => id.length))
  const lines = copies.map((copy) => drawCopy(copy, nameWidth, columns))
  const sizeBytes = fileBytes(copies)
  if (originBytes !== undefined && sizeBytes > 0) {
    const times = (originBytes / sizeBytes).toFixed(2)
    lines.push(`${'origin'.padEnd(nameWidth)} sent ${formatBytes(originBytes)}, ${times}x the file`)
  }
  // The last column stays empty: some terminals wrap as soon as it is written, and the lines could not be drawn over.
  return lines.map((line) => line.slice(0, columns - 1))
}

/** Room for the numbers of a line and the shares of two givers. */
const besidesBar = 59

function drawCopy(copy: Copy, nameWidth: number, columns: number): string {
  const width = Math.min(40, Math.max(10, columns - nameWidth - besidesBar))
  const filled = Math.floor(doneRatio(copy) * width)
  const bar = `[${'='.repeat(filled)}${' '.repeat(width - filled)}]`
  return [
    copy.id.padEnd(nameWidth),
    bar,
    percent(copy).padStart(4),
    formatBytes(copy.doneBytes).padStart(9),
    formatRate(averageRate(copy.doneBytes, copy.ms)).padStart(11),
    note(copy),
  ].join(' ')
}

function note({ state, shares, error }: Copy): string {
  switch (state) {
    case 'waiting':
      return 'asking'
    case 'downloading':
    case 'done':
      return formatShares(shares)
    case 'checking':
      return 'checking sha256'
    case 'failed':
      return `failed: ${error}`
    default:
      return state satisfies never
  }
}

/** The whole swarm in one line. */
export function swarmLine({ copies, originBytes }: SwarmState): string {
  const complete = copies.filter(({ state }) => state === 'done').length
  const done = copies.reduce((sum, { doneBytes }) => sum + doneBytes, 0)
  const parts = [
    copies
      .map((copy) => `${copy.id} ${copy.state === 'failed' ? 'failed' : percent(copy)}`)
      .join(', '),
    `${formatBytes(done)} in all`,
    `${complete} of ${copies.length} checked`,
  ]
  if (originBytes !== undefined) parts.push(`origin sent ${formatBytes(originBytes)}`)
  return parts.join('; ')
}

const percent = (copy: Copy): string => `${Math.floor(doneRatio(copy) * 100)}%`

function doneRatio({ state, doneBytes, sizeBytes }: Copy): number {
  if (sizeBytes > 0) return doneBytes / sizeBytes
  return state === 'done' || state === 'checking' ? 1 : 0
}
