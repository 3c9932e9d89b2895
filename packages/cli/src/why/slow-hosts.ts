import type { SwarmDump } from './swarm-dump.ts'

export interface SlowHost {
  readonly host: string
  /** For a person. */
  readonly reasons: readonly string[]
}

/** A running peer is slow at less than this share of the median rate. */
const SLOW_SHARE = 0.5
/** Moving averages above this are worth a word. */
const NOTABLE = 0.1

/** Hosts that others found slow, that gave wrong or no pieces, or that get their own pieces slowly. */
export function slowHosts({ peers }: Pick<SwarmDump, 'peers'>): SlowHost[] {
  const running = peers.filter(({ state, rate }) => state === 'Running' && rate > 0)
  const usual = median(running.map(({ rate }) => rate))
  const found = new Map<string, Set<string>>()
  const say = (host: string, reason: string): void => {
    found.set(host, (found.get(host) ?? new Set()).add(reason))
  }
  for (const { host, failures, slowness } of peers) {
    if (slowness > NOTABLE) say(host, `its children found it slow (${percent(slowness)} of late)`)
    if (failures > NOTABLE) say(host, `pieces from it failed (${percent(failures)} of late)`)
  }
  for (const { host, rate } of running) {
    if (rate < SLOW_SHARE * usual) {
      say(host, `its own download runs at ${percent(rate / usual)} of the median rate`)
    }
  }
  return [...found].map(([host, reasons]) => ({ host, reasons: [...reasons] }))
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >>> 1] ?? 0
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`
