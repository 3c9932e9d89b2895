import type { IncomingHttpHeaders } from 'node:http'

export interface RequestCounters {
  requests: number
  headRequests: number
  getRequests: number
  /**
   * Bytes of response bodies that the operating system has taken for sending: without headers and chunk framing,
   * and whether or not the client has read them. A piece (at most 128 KiB) that was under way when the connection
   * ended is not counted. Error pages count too.
   */
  bodyBytes: number
  /** Requests with a Range header, whatever the answer was. */
  rangeRequests: number
}

/** One request. The record stays live until the answer is over. */
export interface RequestRecord {
  readonly method: string
  /** Path and query as they were requested. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** `undefined` while no answer has begun. */
  readonly status: number | undefined
  /** Counted as in `RequestCounters`. */
  readonly bodyBytes: number
  /** `aborted`: either side ended the connection before the answer was complete. */
  readonly outcome: 'pending' | 'complete' | 'aborted'
}

/** What happens to one request, as seen by the server. */
export interface RequestEntry {
  onHeaders(status: number): void
  onBodyBytes(count: number): void
  onEnd(outcome: 'complete' | 'aborted'): void
}

interface Arrival {
  method: string
  path: string
  headers: IncomingHttpHeaders
}

/** Counters and log of an origin; wakes whoever waits for a condition whenever something changes. */
export class OriginRecords {
  readonly log: RequestRecord[] = []
  readonly #logLimit: number
  readonly #byKey = new Map<string, RequestCounters>()
  readonly #waiters = new Set<() => void>()
  #total = noRequests()
  #pending = 0

  constructor(logLimit: number) {
    this.#logLimit = logLimit
  }

  get pending(): number {
    return this.#pending
  }

  counters(key?: string): RequestCounters {
    return { ...(key === undefined ? this.#total : (this.#byKey.get(key) ?? noRequests())) }
  }

  reset(): void {
    this.#total = noRequests()
    this.#byKey.clear()
    this.log.length = 0
  }

  /** Records a request that belongs to the object or fault named by `key`. */
  begin(key: string, arrival: Arrival): RequestEntry {
    const record: { -readonly [K in keyof RequestRecord]: RequestRecord[K] } = {
      ...arrival,
      status: undefined,
      bodyBytes: 0,
      outcome: 'pending',
    }
    const counters = [this.#total, this.#countersOf(key)]
    for (const counter of counters) count(counter, arrival)
    this.log.push(record)
    if (this.log.length > this.#logLimit) this.log.shift()
    this.#pending += 1
    this.#changed()
    return {
      onHeaders: (status) => {
        record.status = status
        this.#changed()
      },
      onBodyBytes: (bytes) => {
        record.bodyBytes += bytes
        for (const counter of counters) counter.bodyBytes += bytes
        this.#changed()
      },
      onEnd: (outcome) => {
        record.outcome = outcome
        this.#pending -= 1
        this.#changed()
      },
    }
  }

  /** Resolves as soon as `condition` holds; it is looked at after every change. */
  until(condition: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const look = (): void => {
      try {
        if (!condition()) return
        resolve()
      } catch (error) {
        reject(error)
      }
      this.#waiters.delete(look)
    }
    this.#waiters.add(look)
    look()
    return promise
  }

  #countersOf(key: string): RequestCounters {
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    const fresh = noRequests()
    this.#byKey.set(key, fresh)
    return fresh
  }

  #changed(): void {
    for (const look of [...this.#waiters]) look()
  }
}

function count(counters: RequestCounters, { method, headers }: Arrival): void {
  counters.requests += 1
  if (method === 'HEAD') counters.headRequests += 1
  if (method === 'GET') counters.getRequests += 1
  if (headers.range !== undefined) counters.rangeRequests += 1
}

function noRequests(): RequestCounters {
  return { requests: 0, headRequests: 0, getRequests: 0, bodyBytes: 0, rangeRequests: 0 }
}
