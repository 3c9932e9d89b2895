/** Response headers by which one version of a content is told from another (RFC 9110, section 8.8). Lower-case names. */
export type Validators = Readonly<Record<string, string>>

const names = ['etag', 'last-modified']

/** Those among the headers; empty when the origin names none. */
export function validatorsOf(header: Readonly<Record<string, string>>): Validators {
  return Object.fromEntries(
    Object.entries(header).filter(([name, value]) => names.includes(name) && value !== ''),
  )
}

/** Both name exactly the same. */
export function areSameValidators(a: Validators, b: Validators): boolean {
  return names.every((name) => a[name] === b[name])
}

/** They are of different versions. What only one of them names proves nothing. */
export function contradict(a: Validators, b: Validators): boolean {
  return names.some((name) => {
    const [one, other] = [a[name], b[name]]
    return one !== undefined && other !== undefined && one !== other
  })
}
