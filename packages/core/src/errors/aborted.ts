/**
 * The reason of aborts of which nobody asks why. `abort()` without a reason makes an error with a stack trace each time, which
 * takes longer than all the rest of it.
 */
export const aborted: DOMException = new DOMException('This operation was aborted', 'AbortError')
