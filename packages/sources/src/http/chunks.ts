import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { DivertedBody } from './diverted-body.ts'

/** The bytes of an answer, each chunk valid until the next one is asked for. */
export interface Chunks extends AsyncIterable<Uint8Array> {
  /**
   * Nobody wants more; may be said at any time. If there is no more, this resolves when the connection is free for the
   * next request; else the connection is cut.
   */
  leave(): Promise<void>
}

/** As Node reads a body: chunked ones, those without a length, small ones. */
export function streamedChunks(answer: IncomingMessage): Chunks {
  return {
    [Symbol.asyncIterator]: () => answer.iterator({ destroyOnReturn: false }),
    async leave() {
      if (answer.complete && answer.readableLength === 0) await finish(answer)
      else answer.destroy()
    },
  }
}

/** Around Node's streams. */
export function divertedChunks(answer: IncomingMessage, body: DivertedBody): Chunks {
  let left = body.length
  return {
    async *[Symbol.asyncIterator]() {
      while (left > 0) {
        const chunk = await body.next()
        if (chunk === undefined) throw answer.errored ?? new Error('the connection was closed')
        left -= chunk.length
        yield chunk
      }
    },
    async leave() {
      if (left > 0) {
        answer.destroy()
      } else {
        body.release()
        // Node's parser has long seen the end; now the agent may hear of it.
        await finish(answer)
      }
    },
  }
}

/** Reads what is left of an answer for nothing. Resolves when it is closed, whether it came to its end or not. */
export async function finish(answer: IncomingMessage): Promise<void> {
  if (!answer.closed) await once(answer.resume(), 'close').catch(() => {})
}
