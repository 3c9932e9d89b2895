/**
 * Whom a policy looked at for its last answer, and what spoke for each: columns, of which the first `size` places count, good
 * until it decides again.
 */
export interface Considered {
  readonly size: number
  /** Slots of peers. */
  readonly ids: Int32Array
  /** What the host was thought to send, bytes/s, and its children at that time. */
  readonly capacity: Float64Array
  readonly children: Uint16Array
  /** A value of `tier`. */
  readonly tier: Uint8Array
  /** Factors of the score. */
  readonly usefulness: Float64Array
  readonly health: Float64Array
  /** The more the better. */
  readonly score: Float64Array
}
