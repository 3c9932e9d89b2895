import type { Place } from './parent-policy.ts'

/** How near two hosts are; `unknown` when the child did not say where it stands. */
export type Tier = 'rack' | 'idc' | 'region' | 'far' | 'unknown'

/** Compares announced places. Names differ in case between machines of one site, so case does not count. */
export function tierOf(child: Place, other: Place): Tier {
  const location = child.location?.toLowerCase() ?? ''
  const idc = child.idc?.toLowerCase() ?? ''
  if (location === '' && idc === '') return 'unknown'
  const otherLocation = other.location?.toLowerCase() ?? ''
  if (location !== '' && location === otherLocation) return 'rack'
  if (idc !== '' && idc === other.idc?.toLowerCase()) return 'idc'
  if (location !== '' && firstElement(location) === firstElement(otherLocation)) return 'region'
  return 'far'
}

const firstElement = (location: string): string => location.split('|', 1)[0] ?? ''
