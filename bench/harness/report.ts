import { renderTable } from '@damselfly/cli'
import type { BenchCase, BenchResult, Unit } from './bench.ts'
import type { Measurement } from './stats.ts'

/** What `--json` prints of a case. */
export interface JsonCase {
  readonly name: string
  readonly unit: Unit
  readonly ours: number
  readonly peer?: number
  /** ours / peer. */
  readonly ratio?: number
  readonly rssMiB?: number
  readonly aim?: string
  readonly note?: string
}

export function jsonResult({ bench, cases }: BenchResult): { bench: string; cases: JsonCase[] } {
  return { bench, cases: cases.map(jsonCase) }
}

function jsonCase(one: BenchCase): JsonCase {
  const { name, unit, ours, peer, rssMiB, aim, note } = one
  const ratio = ratioOf(one)
  return {
    name,
    unit,
    ours: round(ours.value),
    ...(peer === undefined ? {} : { peer: round(peer.value) }),
    ...(ratio === undefined ? {} : { ratio: round(ratio) }),
    ...(rssMiB === undefined ? {} : { rssMiB: round(rssMiB) }),
    ...(aim === undefined ? {} : { aim }),
    ...(note === undefined ? {} : { note }),
  }
}

/** For people: a table, how to read it, and the notes, which are too long for a column. */
export function renderResult({ cases }: BenchResult): string {
  const right = { align: 'right' } as const
  const notes = [...new Set(cases.flatMap(({ note }) => note ?? []))]
  const hasRss = cases.some(({ rssMiB }) => rssMiB !== undefined)
  const hasAim = cases.some(({ aim }) => aim !== undefined)
  const table = renderTable(
    [
      { title: 'case' },
      { title: 'unit' },
      { title: 'ours', ...right },
      { title: 'middle half', ...right },
      { title: 'peer', ...right },
      { title: 'middle half', ...right },
      { title: 'ratio', ...right },
      { title: 'better' },
      ...(hasAim ? [{ title: 'aim' }] : []),
      ...(hasRss ? [{ title: 'peak RSS', ...right }] : []),
      ...(notes.length > 0 ? [{ title: 'note', ...right }] : []),
    ],
    cases.map((one) => [
      one.name,
      one.unit,
      figures(one.ours.value),
      middleHalf(one.ours),
      one.peer === undefined ? '' : figures(one.peer.value),
      one.peer === undefined ? '' : middleHalf(one.peer),
      ratioOf(one)?.toFixed(2) ?? '',
      ratioOf(one) === undefined ? '' : isHigherBetter(one.unit) ? '> 1' : '< 1',
      ...(hasAim ? [one.aim ?? ''] : []),
      ...(hasRss ? [one.rssMiB === undefined ? '' : `${figures(one.rssMiB)} MiB`] : []),
      one.note === undefined ? '' : notes.indexOf(one.note) + 1,
    ]),
  )
  const legend = notes.map((note, index) => `${index + 1}: ${note}\n`)
  return `${table}\nratio = ours / peer: for rates more than 1 is better for us, for times and memory less than 1.\n${legend.join('')}`
}

const isHigherBetter = (unit: Unit): boolean => unit.endsWith('/s')

/** None where it would say nothing. */
function ratioOf({ ours, peer }: Pick<BenchCase, 'ours' | 'peer'>): number | undefined {
  return peer === undefined || peer.value === 0 ? undefined : ours.value / peer.value
}

function middleHalf({ middleHalf: range }: Measurement): string {
  return range === undefined ? '' : `${figures(range[0])}-${figures(range[1])}`
}

/** Three figures are more than a shared machine repeats. */
function figures(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2)
}

const round = (value: number): number => Number(value.toFixed(3))
