/** Who is responsible for a key: everybody who knows the same nodes comes to the same answer. */
export interface HashFamily {
  readonly name: HashFamilyName
  /** The owner; the first of `order`. */
  pick(key: string): string
  /** All nodes, best first: the owner, who takes over when it is away, and so on. */
  order(key: string): string[]
}

export type HashFamilyName = 'hrw' | 'ring' | 'jump' | 'maglev' | 'dragonfly'

/** Relative; 1 for a node that is not named. */
export const weightOf = (node: string, weights?: ReadonlyMap<string, number>): number =>
  weights?.get(node) ?? 1
