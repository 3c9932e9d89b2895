import { linkSignals } from '@damselfly/core'
import { RequestQueue } from './request-queue.ts'

export interface BidiOptions {
  signal?: AbortSignal
  /** Messages that wait to be sent before `send` makes its caller wait. Default 16. */
  queueMax?: number
}

/** The client's side of a call with streams both ways. */
export interface BidiStream<I, O> {
  /** Resolves when the message is on its way to the connection; rejects with the call's end once it is over. */
  send(message: I): Promise<void>
  /** Read them in one place only. Leaving the loop early aborts the call. */
  readonly responses: AsyncIterable<O>
  /** Half-closes: the server sees the end of the requests, responses go on. */
  closeSend(): void
  /** Ends the call now; `responses` throws `reason`. */
  abort(reason?: unknown): void
}

/** `openBidi(client.announcePeer, { signal })`; the call is on its way when this returns. */
export function openBidi<I, O>(
  call: (requests: AsyncIterable<I>, options: { signal: AbortSignal }) => AsyncIterable<O>,
  { signal, queueMax = 16 }: BidiOptions = {},
): BidiStream<I, O> {
  const queue = new RequestQueue<I>(queueMax)
  const link = linkSignals(signal)
  void queue.ended.then(() => link[Symbol.dispose]())
  return {
    send: (message) => queue.push(message),
    closeSend: () => queue.close(),
    abort: (reason) => link.abort(reason),
    responses: call(queue, { signal: link.signal }),
  }
}
