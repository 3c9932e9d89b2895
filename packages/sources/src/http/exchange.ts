import type { IncomingMessage } from 'node:http'
import { type Clock, deadline, linkSignals } from '@damselfly/core'
import type { Agents } from './agents.ts'
import { type Chunks, finish } from './chunks.ts'
import { brokenRedirect, networkError, noAnswer } from './errors.ts'
import { sendHttp } from './http-client.ts'
import { isRedirect, redirectTarget } from './redirect.ts'
import type { Header } from './request-header.ts'
import { contentLengthOf, keptHeader } from './response-header.ts'
import type { Target } from './target.ts'

export interface ExchangeDeps {
  readonly agents: Agents
  readonly clock: Clock
  readonly headersMs: number
  readonly maxRedirects: number
}

export interface Ask {
  readonly method: 'HEAD' | 'GET'
  readonly target: Target
  /** Sent along to wherever redirects lead: range, condition, coding. */
  readonly header: Header
}

/** The start of an answer. Whoever holds it reads `body` to its end, destroys it, or calls `discard`. */
export interface Answer {
  /** Where it came from, after redirects. */
  readonly url: URL
  readonly statusCode: number
  readonly header: Header
  /** The transfer codings that the connection added, e.g. `chunked`. */
  readonly transferEncoding: string
  /** False when HTTP allows no content here, whatever `Content-Length` says (RFC 9110 §6.4.1). */
  readonly hasBody: boolean
  readonly body: IncomingMessage
  /** The bytes of `body`. */
  readonly chunks: Chunks
}

/** Sends a request and follows redirects. The signal stays in force until the body is closed. */
export async function exchange(
  deps: ExchangeDeps,
  ask: Ask,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const seen = new Set([ask.target.url.href])
  let target = ask.target
  for (;;) {
    const answer = await send(deps, { ...ask, target }, signal)
    if (!isRedirect(answer.statusCode)) return answer
    await discard(deps, answer)
    const next = redirectTarget(target, answer.header.location)
    if (seen.has(next.url.href)) throw brokenRedirect(target.url, 'in a circle')
    if (seen.size > deps.maxRedirects) {
      throw brokenRedirect(target.url, `once more after ${deps.maxRedirects} redirects`)
    }
    seen.add(next.url.href)
    target = next
  }
}

async function send(
  deps: ExchangeDeps,
  ask: Ask,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  signal?.throwIfAborted()
  const { url, header } = ask.target
  using late = deadline(deps.clock, deps.headersMs, () => noAnswer(url, deps.headersMs))
  const linked = linkSignals(signal, late.signal)
  const unlink = (): void => linked[Symbol.dispose]()
  try {
    const request = { url, method: ask.method, header: { ...header, ...ask.header } }
    const { message: body, chunks } = await sendHttp(deps.agents, request, linked.signal)
    body.once('close', unlink)
    const statusCode = body.statusCode ?? 0
    return {
      url,
      statusCode,
      header: keptHeader(body.headers),
      transferEncoding: body.headers['transfer-encoding'] ?? '',
      hasBody: ask.method !== 'HEAD' && statusCode !== 204 && statusCode !== 304,
      body,
      chunks,
    }
  } catch (thrown) {
    unlink()
    signal?.throwIfAborted()
    late.signal.throwIfAborted()
    throw networkError(url, thrown)
  }
}

const discardBytes = 16 * 1024
const discardMs = 1000

/** Gets rid of a body that nobody wants: a short one is read to keep the connection, any other one is cut off. */
export async function discard(deps: Pick<ExchangeDeps, 'clock'>, answer: Answer): Promise<void> {
  const { body, hasBody } = answer
  const length = hasBody ? contentLengthOf(answer.header) : 0
  if (length !== undefined && length <= discardBytes) {
    const cancel = deps.clock.schedule(discardMs, () => body.destroy())
    await finish(body).finally(cancel)
  } else {
    body.destroy()
  }
}
