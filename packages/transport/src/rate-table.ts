import { type Clock, DfError, parseByteSize } from '@damselfly/core'
import type { RateLimit } from './rate-limit.ts'

/** A rate for a part of the day, in minutes since midnight. It ends before it begins when midnight lies within. */
export interface RatePeriod {
  readonly fromMin: number
  readonly toMin: number
  readonly bytesPerSec: number
}

const minutesPerDay = 24 * 60
/** Also a change of the clock (summer time) is noticed after an hour at most. */
const maxSleepMs = 60 * 60 * 1000
const minuteMs = 60 * 1000
const entryPattern = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)=(.+)$/

/**
 * Reads entries such as `08:00-18:00=10MB` or `22:00-06:00=unlimited` (rates per second, times of this host). Throws
 * `InvalidArgument`.
 */
export function parseRateTable(entries: readonly string[]): RatePeriod[] {
  return entries.map(parseEntry)
}

function parseEntry(entry: string): RatePeriod {
  const match = entryPattern.exec(entry.trim())
  if (match === null) throw invalid(entry, 'it has to look like 08:00-18:00=10MB')
  const [, fromHour, fromMinute, toHour, toMinute, rate = ''] = match
  const fromMin = Number(fromHour) * 60 + Number(fromMinute)
  const toMin = Number(toHour) * 60 + Number(toMinute)
  if (toMin > minutesPerDay) throw invalid(entry, 'a day ends at 24:00')
  if (fromMin === toMin) throw invalid(entry, 'it lasts for no time; a whole day is 00:00-24:00')
  const text = rate.trim()
  const bytesPerSec = text === 'unlimited' ? Number.POSITIVE_INFINITY : parseByteSize(text)
  if (bytesPerSec <= 0) throw invalid(entry, 'a rate has to be above 0')
  return { fromMin, toMin, bytesPerSec }
}

/** The rate at a minute of the day: of the first period that holds it; else `otherwise`. */
export function rateAt(
  table: readonly RatePeriod[],
  minuteOfDay: number,
  otherwise: number,
): number {
  return table.find((period) => holds(period, minuteOfDay))?.bytesPerSec ?? otherwise
}

/** How many minutes from a minute of the day until some period begins or ends; a day when there is none. */
export function minutesToNextChange(table: readonly RatePeriod[], minuteOfDay: number): number {
  const edges = table.flatMap(({ fromMin, toMin }) => [fromMin, toMin])
  const waits = edges.map((edge) => (edge - minuteOfDay + 2 * minutesPerDay) % minutesPerDay)
  return Math.min(minutesPerDay, ...waits.filter((wait) => wait > 0))
}

function holds({ fromMin, toMin }: RatePeriod, minute: number): boolean {
  if (fromMin < toMin) return fromMin <= minute && minute < toMin
  return fromMin <= minute || minute < toMin
}

/** Minute of the day where this host stands. */
export function localMinuteOfDay(nowMs: number): number {
  const date = new Date(nowMs)
  return date.getHours() * 60 + date.getMinutes()
}

/** Lets a limit follow a table until disposed; outside of all periods `otherwise` holds. */
export function followRateTable(
  limit: RateLimit,
  { table, otherwise }: { table: readonly RatePeriod[]; otherwise: number },
  {
    clock,
    minuteOfDay = localMinuteOfDay,
  }: { clock: Clock; minuteOfDay?: typeof localMinuteOfDay },
): Disposable {
  let cancel = (): void => {}
  const apply = (): void => {
    const nowMs = clock.now()
    const minute = minuteOfDay(nowMs)
    limit.setRate(rateAt(table, minute, otherwise))
    const changeMs = minutesToNextChange(table, minute) * minuteMs - (nowMs % minuteMs)
    cancel = clock.schedule(Math.min(changeMs, maxSleepMs), apply)
  }
  apply()
  return { [Symbol.dispose]: () => cancel() }
}

const invalid = (entry: string, why: string): DfError =>
  new DfError('InvalidArgument', `The entry "${entry}" of a rate table is invalid: ${why}.`)
