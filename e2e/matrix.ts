import { renderTable } from '@damselfly/cli'

/** The parts of vitest's JSON report that are used. */
interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[]
      readonly title: string
      readonly status: string
      readonly duration?: number | null
    }[]
  }[]
}

/** One row a scenario, one column a file size: the title of a test is `scenario [size]`. */
export function matrix(json: string): string {
  const { testResults } = JSON.parse(json) as Report
  const rows = new Map<string, Map<string, string>>()
  const sizes = new Set<string>()
  for (const { ancestorTitles, title, status, duration } of testResults.flatMap(
    (r) => r.assertionResults,
  )) {
    const [, scenario = title, size = 'any'] = /^(.*) \[(.*)\]$/.exec(title) ?? []
    const name = [...ancestorTitles.filter((t) => t !== ''), scenario].join(': ')
    const row = rows.get(name) ?? new Map<string, string>()
    rows.set(name, row)
    sizes.add(size)
    const seconds = `${((duration ?? 0) / 1000).toFixed(1)}s`
    row.set(size, status === 'passed' ? `ok ${seconds}` : status)
  }
  const columns = [{ title: 'scenario' }, ...[...sizes].map((title) => ({ title }))]
  return renderTable(
    columns,
    [...rows].map(([name, row]) => [name, ...[...sizes].map((size) => row.get(size) ?? '-')]),
  )
}
