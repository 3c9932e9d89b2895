import type { SwarmView } from './swarm-view.ts'

/** What a host can send, bytes/s; above 0. */
export type CapacityOf = (view: SwarmView, host: number) => number

/**
 * The declared uplink, or the measured one when that is less and `minSamples` observations made it: a declaration may
 * be a wish, but few observations may be bad luck. A host of which nothing is known counts as an average one.
 */
export function measuredCapacity(minSamples: number): CapacityOf {
  return ({ host: { upCapacity, upEstimate, upSamples }, task }, host) => {
    const declared = upCapacity[host] as number
    const measured = (upSamples[host] as number) >= minSamples ? (upEstimate[host] as number) : 0
    if (measured > 0 && (declared === 0 || measured < declared)) return measured
    return declared || averageCapacity(task.meanUplink)
  }
}

/** When no uplink is known at all, any positive number ranks alike. */
export const averageCapacity = (meanUplink: number): number => meanUplink || 1
