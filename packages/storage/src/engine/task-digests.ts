import type { Metadata } from '../metadata/metadata.ts'

/** More digests than this are nobody's honest use. */
const maxVerified = 16

/** Which digests the whole content was checked against. */
export class TaskDigests {
  readonly #row: number
  readonly #metadata: Metadata
  #content: string | undefined
  #verified: readonly string[]

  constructor(
    row: number,
    kept: { contentDigest: string | undefined; verified: readonly string[] },
    metadata: Metadata,
  ) {
    this.#row = row
    this.#metadata = metadata
    this.#content = kept.contentDigest
    this.#verified = kept.verified
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
