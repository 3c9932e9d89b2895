/** Things by the digest of their content. */
export class ContentIndex<T> {
  readonly #byDigest = new Map<string, Set<T>>()

  change(thing: T, before: string | undefined, after: string | undefined): void {
    if (before !== undefined) {
      const others = this.#byDigest.get(before)
      others?.delete(thing)
      if (others?.size === 0) this.#byDigest.delete(before)
    }
    if (after === undefined) return
    const others = this.#byDigest.get(after)
    if (others === undefined) this.#byDigest.set(after, new Set([thing]))
    else others.add(thing)
  }

  find(digest: string, isGood: (thing: T) => boolean): T | undefined {
    for (const thing of this.#byDigest.get(digest) ?? []) if (isGood(thing)) return thing
    return undefined
  }
}
