import type { Clock, Log, Random } from '@damselfly/core'
import type { Source } from '../source.ts'
import { type HttpTls, httpAgents } from './agents.ts'
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
  /** Connections to one origin at a time; further requests wait for one, within `headersMs`. Default 256. */
  readonly connections?: number
  /** Certificate authorities, instead of those of Node, and client certificates. */
  readonly tls?: HttpTls
}

/** Origins that speak http or https. */
export function httpSource(options: HttpSourceOptions): Source {
  const { connectMs = 5000, headersMs = 30_000, idleMs = 30_000 } = options.timeouts ?? {}
  const { clock, connections = 256, tls = {} } = options
  const agents = httpAgents({ clock, connectMs, connections, tls })
  const deps: ReadDeps = {
    agents,
    clock,
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
    close: async () => agents.destroy(),
  }
}
