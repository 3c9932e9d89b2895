export type Config = Readonly<Record<string, unknown>>

/** Configurations laid over each other: objects key by key, anything else as the last one says. */
export function mergeConfig(...trees: (Config | undefined)[]): Record<string, unknown> {
  const merged: Record<string, unknown> = {}
  for (const tree of trees) {
    for (const [key, value] of Object.entries(tree ?? {})) {
      const before = merged[key]
      merged[key] = isConfig(before) && isConfig(value) ? mergeConfig(before, value) : value
    }
  }
  return merged
}

function isConfig(value: unknown): value is Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
