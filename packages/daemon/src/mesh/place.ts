/** Where a host is, as it announces it; empty when it does not say. */
export interface Place {
  readonly idc: string
  /** `region|zone|rack`, the widest first. */
  readonly location: string
}

/** Same rack, or places are unknown: then all count as near, and nothing is held back for the sake of links between racks. */
export function isNear(a: Place, b: Place): boolean {
  return agree(a.idc, b.idc) && agree(a.location, b.location)
}

const agree = (a: string, b: string): boolean => a === '' || b === '' || a === b
