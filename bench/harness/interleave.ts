export interface Sides<T> {
  readonly ours: T[]
  readonly peer: T[]
}

/** Runs ours, peer, ours, peer, …: what else the machine does meanwhile meets both sides alike. */
export async function interleave<T>(
  runs: number,
  sides: { ours: (run: number) => Promise<T>; peer: (run: number) => Promise<T> },
  signal: AbortSignal,
): Promise<Sides<T>> {
  const results: Sides<T> = { ours: [], peer: [] }
  for (let run = 0; run < runs; run++) {
    signal.throwIfAborted()
    results.ours.push(await sides.ours(run))
    signal.throwIfAborted()
    results.peer.push(await sides.peer(run))
  }
  return results
}
