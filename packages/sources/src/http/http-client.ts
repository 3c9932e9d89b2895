import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { errorCode } from '@damselfly/core'
import type { Agents } from './agents.ts'
import { type Chunks, divertedChunks, streamedChunks } from './chunks.ts'
import type { DivertedBody } from './diverted-body.ts'
import { intakeOf } from './intake.ts'
import type { Header } from './request-header.ts'

export interface HttpAsk {
  readonly url: URL
  readonly method: 'HEAD' | 'GET'
  readonly header: Header
}

export interface HttpAnswer {
  readonly message: IncomingMessage
  readonly chunks: Chunks
}

/**
 * Sends one request of HTTP/1.1 and resolves with the head of the answer, whose body somebody has to read to its end or
 * destroy. Redirects are answers here, codings are left as they are, and errors are those of Node. An abort of the
 * signal ends the request, or the body, at once.
 */
export async function sendHttp(
  agents: Agents,
  ask: HttpAsk,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  try {
    return await sendOnce(agents, ask, signal)
  } catch (thrown) {
    if (!(thrown instanceof StaleConnection)) throw thrown
    signal.throwIfAborted()
    return sendOnce(agents, ask, signal)
  }
}

/**
 * A kept connection was closed by the origin while the request was on its way to it, as happens to idle connections.
 * Asking again is allowed (RFC 9112 §9.3.1) and says nothing about the origin's health.
 */
class StaleConnection extends Error {}

const hungUp = new Set(['ECONNRESET', 'EPIPE'])

function sendOnce(
  agents: Agents,
  { url, method, header }: HttpAsk,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const options = { method, headers: header, joinDuplicateHeaders: true }
    const request =
      url.protocol === 'https:'
        ? requestHttps(url, { ...options, agent: agents.https })
        : requestHttp(url, { ...options, agent: agents.http })
    let answer: IncomingMessage | undefined
    let body: DivertedBody | undefined
    const abort = (): void => {
      // A request that waits for its turn notices only then that it was destroyed.
      reject(signal.reason)
      ;(answer ?? request).destroy()
    }
    signal.addEventListener('abort', abort, { once: true })
    request.once('socket', (socket) => intakeOf(socket)?.expect(method))
    request.once('response', (message) => {
      answer = message.on('error', () => {})
      body = intakeOf(message.socket)?.body
      if (body !== undefined) message.headers['content-length'] = String(body.length)
      const chunks = body === undefined ? streamedChunks(message) : divertedChunks(message, body)
      resolve({ message, chunks })
    })
    // Stays as long as the body: what the parser complains about later comes here too, and the body only hears of the end.
    request.on('error', (error) => {
      const isStale = request.reusedSocket && hungUp.has(errorCode(error) ?? '')
      reject(isStale ? new StaleConnection('stale', { cause: error }) : error)
      if (answer !== undefined && (!answer.complete || body !== undefined)) answer.destroy(error)
    })
    request.end()
  })
}
