import type { Summary } from './summary.ts'

const columns: readonly { readonly title: string; readonly of: (s: Summary) => string }[] = [
  { title: 'policy', of: ({ policy }) => policy },
  { title: 'seed', of: ({ seed }) => String(seed) },
  { title: 'bound s', of: ({ boundSeconds }) => boundSeconds.toFixed(2) },
  { title: 'makespan', of: ({ makespan }) => makespan.toFixed(3) },
  { title: 'mean', of: ({ mean }) => mean.toFixed(3) },
  { title: 'p99', of: ({ p99 }) => p99.toFixed(3) },
  { title: 'first tenth', of: ({ firstTenth }) => firstTenth.toFixed(2) },
  { title: 'origin', of: ({ originCopies }) => originCopies.toFixed(2) },
  { title: 'seeds', of: ({ seedCopies }) => seedCopies.toFixed(2) },
  { title: 'cross-rack', of: ({ crossRack }) => crossRack.toFixed(3) },
  { title: 'waste', of: ({ waste }) => `${(100 * waste).toFixed(2)} %` },
  { title: 'decisions', of: ({ decisionsPerPeer }) => decisionsPerPeer.toFixed(1) },
  { title: 'left', of: ({ unfinished }) => String(unfinished) },
]

/** One line per run. Times in bounds, origin and seeds in copies of the content. */
export function renderSummaries(summaries: readonly Summary[]): string {
  return renderTable([
    columns.map(({ title }) => title),
    ...summaries.map((summary) => columns.map(({ of }) => of(summary))),
  ])
}

/** Columns as wide as their widest cell; the first row is the heading. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
