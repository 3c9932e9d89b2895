import type { Metadata } from '../metadata/metadata.ts'

/** More digests than this are nobody's honest use. */
const maxVerified = 16

export interface KeptDigests {
  readonly row: number
  readonly contentDigest: string | undefined
  readonly verified?: readonly string[]
}

/** Which digests the whole content was checked against. */
export class TaskDigests {
  readonly #row: number
  readonly #metadata: Metadata
  #content: string | undefined
  #verified: readonly string[]

  constructor(kept: KeptDigests, metadata: Metadata) {
    this.#row = kept.row
    this.#metadata = metadata
    this.#content = kept.contentDigest
    this.#verified = kept.verified ?? []
  }

  /** Whether there is anything to keep. */
  static has({ contentDigest, verified = [] }: KeptDigests): boolean {
    return contentDigest !== undefined || verified.length > 0
  }

  get content(): string | undefined {
    return this.#content
  }

  isVerified(digest: string): boolean {
    return this.#verified.includes(digest)
  }

  /** `isContent`: others may look for the content by this digest. */
  add(digest: string, isContent: boolean): void {
    const content = isContent ? digest : this.#content
    if (this.isVerified(digest) && content === this.#content) return
    const others = this.#verified.filter((known) => known !== digest)
    this.#write(content, [...others, digest].slice(-maxVerified))
  }

  /** The content has changed. */
  forget(): void {
    if (this.#content !== undefined || this.#verified.length > 0) this.#write(undefined, [])
  }

  #write(content: string | undefined, verified: readonly string[]): void {
    this.#metadata.recordDigests(this.#row, content, verified)
    this.#content = content
    this.#verified = verified
  }
}
