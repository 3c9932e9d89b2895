import { abortable } from '@damselfly/core'

/**
 * The same items; waiting for the next one ends with the signal's reason when that aborts. The source is told to
 * return, but not waited for: an async generator that hangs in an `await` only returns after it.
 */
export function untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = source[Symbol.asyncIterator]()
      return {
        async next() {
          try {
            return await abortable(iterator.next(), signal)
          } catch (err) {
            if (signal.aborted) iterator.return?.()?.catch(() => {})
            throw err
          }
        },
        async return() {
          await iterator.return?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}
