import { DfError, type ErrorCode, isAbort } from '@damselfly/core'

/** A `DfError` in a form that structured clone keeps: class and code would be lost. */
export interface PlainError {
  readonly code: ErrorCode
  readonly message: string
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>
  /** The other thread was told to stop. */
  readonly isAbort: boolean
}

export function toPlain(thrown: unknown): PlainError {
  const { code, message, retryable, details } = DfError.from(thrown)
  return { code, message, retryable, details: cloneable(details), isAbort: isAbort(thrown) }
}

export function fromPlain({ code, message, retryable, details, isAbort }: PlainError): Error {
  if (isAbort) return new DOMException(message, 'AbortError')
  return new DfError(code, message, { retryable, details })
}

/** What cannot be sent is told as text. */
function cloneable(details: DfError['details']): DfError['details'] {
  const isPlain = (value: unknown): boolean =>
    value === null || ['string', 'number', 'boolean', 'undefined'].includes(typeof value)
  const entries = Object.entries(details)
  return Object.fromEntries(entries.map(([key, v]) => [key, isPlain(v) ? v : JSON.stringify(v)]))
}
