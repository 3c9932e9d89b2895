import type { Clock, Log, Random } from '@damselfly/core'
import { Agent } from 'undici'
import type { Source } from '../source.ts'
import { type ReadDeps, readObject } from './read.ts'
import { statObject } from './stat.ts'

export interface HttpTimeouts {
  /** For a TCP connection and its TLS handshake. Default 5000. */
  readonly connectMs: number
  /** From the request to the header of the answer, connecting included, for each redirect anew. Default 30000. */
  readonly headersMs: number
  /** Between two chunks of a body that somebody waits for. Default 30000. */
  readonly idleMs: number
}

export interface HttpSourceOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly timeouts?: Partial<HttpTimeouts>
  /** Further attempts after a transient failure. Default 2. */
  readonly maxRetries?: number
  /** The first pause between attempts; it doubles. Default 500. */
  readonly retryBaseMs?: number
  /** The longest pause, also when Retry-After asks for a longer one. Default 10000. */
  readonly maxRetryDelayMs?: number
  /** Default 10. */
  readonly maxRedirects?: number
  /** undici's own options: certificate authorities and client certificates (`connect`), `connections`, `localAddress`. */
  readonly dispatcher?: Agent.Options
}

/** Origins that speak http or https. */
export function httpSource(options: HttpSourceOptions): Source {
  const { connectMs = 5000, headersMs = 30_000, idleMs = 30_000 } = options.timeouts ?? {}
  const agent = new Agent({
    // One HTTP/2 connection shares one flow-control window; several HTTP/1.1 connections carry more.
    allowH2: false,
    connectTimeout: connectMs,
    ...options.dispatcher,
    // These two run on the clock seam instead.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const deps: ReadDeps = {
    agent,
    clock: options.clock,
    random: options.random,
    log: options.log,
    headersMs,
    idleMs,
    maxRedirects: options.maxRedirects ?? 10,
    rules: {
      maxRetries: options.maxRetries ?? 2,
      retryBaseMs: options.retryBaseMs ?? 500,
      maxRetryDelayMs: options.maxRetryDelayMs ?? 10_000,
    },
  }
  return {
    schemes: ['http', 'https'],
    stat: (request, { signal }) => statObject(deps, request, signal),
    read: (request, readOptions) => readObject(deps, request, readOptions),
    // Not a drain: a body that nobody reads to its end would keep it waiting for ever.
    close: () => agent.destroy(),
  }
}
