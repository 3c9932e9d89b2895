/** Equal in all that they are made of; for plain data without cycles. */
export function isSameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  const [one, other] = [a as Record<string, unknown>, b as Record<string, unknown>]
  for (const key of keys) {
    if (!(key in other) || !isSameValue(one[key], other[key])) return false
  }
  return true
}
