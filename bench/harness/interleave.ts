type Side<T> = (run: number) => Promise<T>

export interface Sides<T> {
  readonly ours: T[]
  readonly peer: T[]
}

/** Runs ours, peer, ours, peer, …: what else the machine does meanwhile meets both sides alike. */
export function interleave<T>(
  runs: number,
  sides: Readonly<Record<keyof Sides<T>, Side<T>>>,
  signal: AbortSignal,
): Promise<Sides<T>> {
  return takeTurns<typeof sides, T>(runs, sides, signal)
}

/** The same with any number of sides, in the order of their names' first mention; a side that is undefined does not play. */
export async function takeTurns<S extends Readonly<Record<string, Side<T> | undefined>>, T>(
  runs: number,
  sides: S & Readonly<Record<string, Side<T> | undefined>>,
  signal: AbortSignal,
): Promise<{ [K in keyof S]: T[] }> {
  const names = Object.keys(sides)
  const results = Object.fromEntries(names.map((name) => [name, [] as T[]]))
  for (let run = 0; run < runs; run++) {
    for (const name of names) {
      signal.throwIfAborted()
      const side = sides[name]
      if (side !== undefined) results[name]?.push(await side(run))
    }
  }
  return results as { [K in keyof S]: T[] }
}
