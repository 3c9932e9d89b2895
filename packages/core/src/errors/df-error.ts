import { type ErrorCode, errorTraits } from './codes.ts'

/** Who has to change something for the operation to succeed. */
export type Blame = 'peer' | 'source' | 'local' | 'caller'

export interface DfErrorOptions {
  cause?: unknown
  /** Facts for whoever handles the error: URL, path, status code, peer id. Never secrets. */
  details?: Readonly<Record<string, unknown>>
  /** Overrides the code's own answer to "would trying again help?". */
  retryable?: boolean
}

/**
 * The one error class. `message` is a sentence for a person: what failed, where, and what to do.
 * `blame` decides what an engine does next: drop the parent, try another source, fail the task, answer 4xx.
 */
export class DfError extends Error {
  override readonly name = 'DfError'
  readonly code: ErrorCode
  readonly blame: Blame
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: DfErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    const traits = errorTraits[code]
    this.code = code
    this.blame = traits.blame
    this.retryable = options.retryable ?? traits.retryable
    this.details = options.details ?? {}
  }

  /** The only way from "something was thrown" to a `DfError`. */
  static from(thrown: unknown, code: ErrorCode = 'Internal'): DfError {
    if (isDfError(thrown)) return thrown
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    return new DfError(code, message, { cause: thrown })
  }
}

/** True for a `DfError`, of that code when one is named; looks at the shape, so copies of this package agree. */
export function isDfError(thrown: unknown, code?: ErrorCode): thrown is DfError {
  if (!(thrown instanceof Error) || thrown.name !== 'DfError' || !('code' in thrown)) return false
  return code === undefined || thrown.code === code
}

/** True for what an aborted operation throws: the signal's own reason or a DOM `AbortError`. */
export function isAbort(thrown: unknown, signal?: AbortSignal): boolean {
  if (signal?.aborted === true && thrown === signal.reason) return true
  return thrown instanceof Error && thrown.name === 'AbortError'
}
