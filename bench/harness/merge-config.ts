export type Config = { readonly [key: string]: unknown }

/** The second over the first, key by key at any depth; lists and values are replaced whole. */
export function mergeConfig(base: Config, over: Config): Config {
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const before = base[key]
    merged[key] = isConfig(before) && isConfig(value) ? mergeConfig(before, value) : value
  }
  return merged
}

function isConfig(value: unknown): value is Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
