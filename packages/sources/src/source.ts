import type { ByteRange } from '@damselfly/core'

/** An object at an origin, and what the caller wants sent along. */
export interface SourceRequest {
  readonly url: URL
  /** Request headers of the caller (credentials among them). Never logged, never sent to another host. */
  readonly header: Readonly<Record<string, string>>
}

export interface SourceStat {
  /** Bytes of the whole object; `undefined` when the origin does not say. */
  readonly contentLength: number | undefined
  /** What the origin answered, lower-case names, hop-by-hop headers and cookies removed. */
  readonly header: Readonly<Record<string, string>>
}

export interface SourceReadOptions {
  /** Bytes wanted; absent = everything. */
  readonly range?: ByteRange
  /** What `stat` said; an answer that contradicts it (other length, ETag or date) is `SourceChanged`. */
  readonly expect?: SourceStat
  readonly signal?: AbortSignal
}

export interface SourceBody {
  /** Offset in the object of the first byte of `bytes`: the range's start, or 0 when the origin ignored the range. */
  readonly start: number
  readonly contentLength: number | undefined
  readonly header: Readonly<Record<string, string>>
  /**
   * The bytes, at most once. Ends after exactly the promised length, or throws: `SourceUnavailable` (broke off, idle for too
   * long), `SourceProtocol` (more bytes than promised). Leaving the loop early aborts the request. A chunk is valid until
   * the next one is asked for: its memory may be used again, so whoever keeps it has to copy it.
   */
  readonly bytes: AsyncIterable<Uint8Array>
}

/**
 * A kind of origin. Errors are `SourceRefused` (details: `statusCode`, `header`), `SourceUnavailable`, `SourceProtocol`,
 * `SourceChanged`; transient ones have been retried inside, honouring Retry-After, before they come out.
 */
export interface Source {
  readonly schemes: readonly string[]
  stat(request: SourceRequest, options: { signal?: AbortSignal }): Promise<SourceStat>
  read(request: SourceRequest, options: SourceReadOptions): Promise<SourceBody>
  close(): Promise<void>
}
