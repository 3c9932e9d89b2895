import { padEnd, padStart, printable, truncateMiddle, widthOf } from './text.ts'

export type Cell = string | number

export interface TableColumn {
  readonly title: string
  /** Default: right when all its cells are numbers or empty, otherwise left. */
  readonly align?: 'left' | 'right'
}

export interface TableOptions {
  /** Width of the terminal. Long texts are cut in the middle to fit; without it nothing is cut. */
  readonly columns?: number
}

const gap = '  '
/** Texts are never cut to less than this. */
const minTextWidth = 8

/** A text table of aligned columns, each line ended by a newline and without blanks at its end. */
export function renderTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly Cell[])[],
  options: TableOptions = {},
): string {
  const titles = columns.map(({ title }) => title)
  const texts = rows.map((row) => columns.map((_, index) => printable(String(row[index] ?? ''))))
  const aligns = columns.map(({ align }, index) => align ?? alignOf(rows.map((row) => row[index])))
  const natural = columns.map((_, index) =>
    Math.max(...[titles, ...texts].map((line) => widthOf(line[index] ?? ''))),
  )
  const widths = fit(natural, aligns, options.columns)
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => place(cell, widths[index] ?? 0, aligns[index] ?? 'left'))
      .join(gap)
      .trimEnd()
  return [titles, ...texts].map((cells) => `${line(cells)}\n`).join('')
}

function alignOf(cells: readonly (Cell | undefined)[]): 'left' | 'right' {
  const given = cells.filter((cell) => cell !== undefined && cell !== '')
  return given.length > 0 && given.every((cell) => typeof cell === 'number') ? 'right' : 'left'
}

/** Takes from the widest column of text until the line fits; columns of numbers keep their width. */
function fit(
  natural: readonly number[],
  aligns: readonly ('left' | 'right')[],
  columns: number | undefined,
): number[] {
  const widths = [...natural]
  const available = (columns ?? Number.POSITIVE_INFINITY) - gap.length * (widths.length - 1)
  let excess = widths.reduce((sum, width) => sum + width, 0) - available
  while (excess > 0) {
    const widest = widestText(widths, aligns)
    if (widest === undefined) break
    widths[widest] = (widths[widest] ?? 0) - 1
    excess -= 1
  }
  return widths
}

function widestText(
  widths: readonly number[],
  aligns: readonly ('left' | 'right')[],
): number | undefined {
  let widest: number | undefined
  for (const [index, width] of widths.entries()) {
    const isCandidate = aligns[index] === 'left' && width > minTextWidth
    if (isCandidate && width > (widths[widest ?? -1] ?? 0)) widest = index
  }
  return widest
}

function place(cell: string, width: number, align: 'left' | 'right'): string {
  const text = truncateMiddle(cell, width)
  return align === 'right' ? padStart(text, width) : padEnd(text, width)
}
