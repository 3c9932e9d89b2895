/** Things by the digest of their content. Nearly every digest has one thing only, which therefore stands for itself. */
export class ContentIndex<T extends object> {
  readonly #byDigest = new Map<string, T | Set<T>>()

  change(thing: T, before: string | undefined, after: string | undefined): void {
    if (before !== undefined) this.#remove(before, thing)
    if (after === undefined) return
    const others = this.#byDigest.get(after)
    if (others instanceof Set) others.add(thing)
    else if (others === undefined) this.#byDigest.set(after, thing)
    else if (others !== thing) this.#byDigest.set(after, new Set([others, thing]))
  }

  find(digest: string, isGood: (thing: T) => boolean): T | undefined {
    const found = this.#byDigest.get(digest)
    if (found === undefined) return undefined
    for (const thing of found instanceof Set ? found : [found]) if (isGood(thing)) return thing
    return undefined
  }

  #remove(digest: string, thing: T): void {
    const found = this.#byDigest.get(digest)
    if (found instanceof Set) found.delete(thing)
    if (found === thing || (found instanceof Set && found.size === 0)) this.#byDigest.delete(digest)
  }
}
