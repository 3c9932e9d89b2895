import { DfError } from '../errors/df-error.ts'

const secondMs = 1000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** Milliseconds per unit; the names of Rust's humantime and of Go. Case matters: m = minutes, M = months. */
const unitsMs = new Map([
  ...unit(1e-6, 'ns nsec nanos nanosecond nanoseconds'),
  ...unit(1e-3, 'us µs μs usec micros microsecond microseconds'),
  ...unit(1, 'ms msec millis millisecond milliseconds'),
  ...unit(secondMs, 's sec secs second seconds'),
  ...unit(minuteMs, 'm min mins minute minutes'),
  ...unit(hourMs, 'h hr hrs hour hours'),
  ...unit(dayMs, 'd day days'),
  ...unit(7 * dayMs, 'w wk wks week weeks'),
  // humantime's average month and year
  ...unit(30.44 * dayMs, 'M month months'),
  ...unit(365.25 * dayMs, 'y yr yrs year years'),
])

function unit(ms: number, names: string): [string, number][] {
  return names.split(' ').map((name) => [name, ms])
}

const wholePattern = /^\s*(?:\d+(?:\.\d+)?\s*\p{L}+\s*)+$/u
const partPattern = /(\d+(?:\.\d+)?)\s*(\p{L}+)/gu

/** Milliseconds of `30s`, `500ms`, `1m30s` or `1h 30m`. A number without unit is an error. */
export function parseDuration(text: string): number {
  if (!wholePattern.test(text)) {
    throw invalid(text, 'expected numbers with units, such as 30s, 500ms or 1h30m')
  }
  let totalMs = 0
  for (const [, count, name = ''] of text.matchAll(partPattern)) {
    const unitMs = unitsMs.get(name)
    if (unitMs === undefined) throw invalid(text, `"${name}" is not a unit of time`)
    totalMs += Number(count) * unitMs
  }
  if (totalMs > Number.MAX_SAFE_INTEGER) throw invalid(text, 'it is too long')
  return totalMs
}

const invalid = (text: string, why: string): DfError =>
  new DfError('InvalidArgument', `The duration "${text}" is invalid: ${why}.`)

/** For people: at most two units, e.g. `850ms`, `12.3s`, `1m30s`, `2h5m`, `3d4h`. */
export function formatDuration(ms: number): string {
  const rounded = Math.round(ms)
  if (rounded < secondMs) return `${rounded}ms`
  // 59 950 ms and more would be written as 60s.
  if (rounded < minuteMs - 50) return `${trim(rounded / secondMs)}s`
  const seconds = Math.round(rounded / secondMs)
  if (seconds < 3600) return pair(seconds, 60, 'm', 's')
  const minutes = Math.round(seconds / 60)
  if (minutes < 24 * 60) return pair(minutes, 60, 'h', 'm')
  return pair(Math.round(minutes / 60), 24, 'd', 'h')
}

function pair(amount: number, perLarge: number, large: string, small: string): string {
  const rest = amount % perLarge
  return `${Math.floor(amount / perLarge)}${large}${rest === 0 ? '' : `${rest}${small}`}`
}

const trim = (value: number): string => value.toFixed(1).replace(/\.0$/, '')
