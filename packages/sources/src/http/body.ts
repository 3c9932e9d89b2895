import { type Clock, DfError, isDfError } from '@damselfly/core'
import type { Chunks } from './chunks.ts'
import { interrupted, isNotHttp, protocolError } from './errors.ts'
import type { Answer } from './exchange.ts'
import { idleWatch } from './idle-watch.ts'

export interface BodyTerms {
  /** Bytes promised. */
  readonly length: number | undefined
  readonly idleMs: number
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
}

/** The bytes of an answer. The socket is only read as fast as the caller takes them. */
export function bodyBytes(answer: Answer, terms: BodyTerms): AsyncIterable<Uint8Array> {
  let taken = false
  return {
    [Symbol.asyncIterator]() {
      if (taken) throw new DfError('Internal', 'The bytes of a source can be read only once.')
      taken = true
      const { chunks } = answer
      const promised = promisedBytes(answer, chunks, terms)
      return {
        next: () => promised.next(),
        // A generator runs its `finally` only if it was begun, and only after a pending `next`: leave here first.
        return: async () => {
          await chunks.leave()
          await promised.return().catch(() => {})
          return { done: true, value: undefined }
        },
      }
    },
  }
}

async function* promisedBytes(
  answer: Answer,
  chunks: Chunks,
  terms: BodyTerms,
): AsyncGenerator<Uint8Array, void> {
  const { url, body } = answer
  const { length, signal } = terms
  let received = 0
  const stop = (what: string, cause?: unknown): DfError =>
    interrupted(url, { what, received, length, cause })
  using watch = idleWatch(terms.clock, terms.idleMs, () =>
    body.destroy(stop(`sent nothing for ${terms.idleMs / 1000} seconds`)),
  )
  try {
    watch.waiting()
    for await (const chunk of chunks) {
      watch.working()
      received += chunk.length
      if (length !== undefined && received > length) {
        throw protocolError(url, `sends more than the ${length} bytes that were promised`)
      }
      yield chunk
      watch.waiting()
    }
  } catch (thrown) {
    signal?.throwIfAborted()
    // Everything promised has come; only the end mark of a chunked body is missing.
    if (received === length && !isDfError(thrown, 'SourceProtocol')) return
    if (isDfError(thrown)) throw thrown
    if (isNotHttp(thrown)) {
      throw protocolError(url, 'sends a body that is not framed as HTTP', thrown)
    }
    throw stop('broke off', thrown)
  } finally {
    await chunks.leave()
  }
  if (length !== undefined && received < length) throw stop('ended')
}
