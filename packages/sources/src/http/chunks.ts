import type { IncomingMessage } from 'node:http'
import type { DivertedBody } from './diverted-body.ts'

/** The bytes of an answer, each chunk valid until the next one is asked for. */
export interface Chunks extends AsyncIterable<Uint8Array> {
  /** Nobody wants more. The connection is kept if there is no more, and else cut. May be called at any time. */
  leave(): void
}

/** As Node reads a body: chunked ones, those without a length, small ones. */
export function streamedChunks(answer: IncomingMessage): Chunks {
  return {
    [Symbol.asyncIterator]: () => answer.iterator({ destroyOnReturn: false }),
    leave() {
      if (answer.complete && answer.readableLength === 0) answer.resume()
      else answer.destroy()
    },
  }
}

/** Around Node's streams. */
export function divertedChunks(answer: IncomingMessage, body: DivertedBody): Chunks {
  let left = body.length
  let failure: unknown
  answer.once('error', (error) => {
    failure = error
  })
  return {
    async *[Symbol.asyncIterator]() {
      while (left > 0) {
        const chunk = await body.next()
        if (chunk === undefined) throw failure ?? new Error('the connection was closed')
        left -= chunk.length
        yield chunk
      }
    },
    leave() {
      if (left > 0 || answer.destroyed) {
        answer.destroy()
      } else {
        body.release()
        // Node's parser has long seen the end; now the agent may hear of it.
        answer.resume()
      }
    },
  }
}
