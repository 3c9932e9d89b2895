import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DfError, type Running, ServiceStack } from '@damselfly/core'
import { type ContentSource, contentDigest, contentOf } from './content.ts'
import { answerTo } from './origin-answer.ts'
import { ActiveFault, type Fault, goodBehaviour, type OriginObject } from './origin-faults.ts'
import { OriginRecords, type RequestCounters, type RequestRecord } from './origin-records.ts'
import { send } from './origin-send.ts'

export interface OriginOptions {
  /** Default 127.0.0.1. */
  host?: string
  /** Default 0: a free one. */
  port?: number
  /** How many requests `log` keeps, the latest ones. Default 10000. */
  logLimit?: number
}

export interface PutOptions {
  /** With its quotes, e.g. `"v1"`. Default: derived from the content; `false`: none. */
  etag?: string | false
  /** Default application/octet-stream. */
  contentType?: string
  /** Default: now; `false`: none. */
  lastModified?: Date | false
}

/** A range of bytes of an object. */
export interface ObjectRange {
  start: number
  length: number
}

/**
 * An HTTP/1.1 server that can be told to misbehave. `stop` ends its connections at once, hung ones too.
 * A path names the same object whatever the query, unless an object or fault was set for the path with just that query.
 */
export interface Origin extends Running {
  readonly host: string
  readonly port: number
  url(path: string): string
  /** Serves `content` under `path`, replacing what was there; returns the URL. */
  put(path: string, content: ContentSource, options?: PutOptions): string
  remove(path: string): void
  /** SHA-256, lower-case hex, of what was put under `path`; faults do not change it. */
  digest(path: string, range?: ObjectRange): Promise<string>
  /** A snapshot for one path, or for all. */
  counters(path?: string): RequestCounters
  /** Oldest first. */
  readonly log: readonly RequestRecord[]
  /** Sets all counters to 0 and empties the log. Requests under way are not counted any more. */
  resetCounters(): void
  /** Replaces the faults of a path; several work together, in order. They count requests anew. */
  misbehave(path: string, fault: Fault | readonly Fault[] | undefined): void
  /** Resolves as soon as `condition` holds; it is looked at whenever a counter or the log changes. */
  until(condition: () => boolean): Promise<void>
  /** Resolves when no request is being answered. A hung one is, until its client leaves. */
  idle(): Promise<void>
}

/** Starts an origin server without objects. */
export async function startOrigin(options: OriginOptions = {}): Promise<Origin> {
  const host = options.host ?? '127.0.0.1'
  const site = new Site(new OriginRecords(options.logLimit ?? 10_000))
  const server = createServer((req, res) => void site.serve(req, res))
  // Node closes idle connections after 5 s, which gives clients rare resets that no test asked for.
  server.keepAliveTimeout = 120_000
  server.listen(options.port ?? 0, host)
  await once(server, 'listening')
  const stack = new ServiceStack()
  server.on('error', (error) => stack.fail(error))
  stack.push('origin server', () => closeServer(server))
  const { port } = server.address() as AddressInfo
  return originOf(site, host, port, stack.toRunning())
}

function originOf(site: Site, host: string, port: number, running: Running): Origin {
  const { records } = site
  const base = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  const url = (path: string): string => base + targetOf(path).full
  return {
    ...running,
    host,
    port,
    url,
    log: records.log,
    put(path, content, options) {
      site.objects.set(targetOf(path).full, objectOf(content, options))
      return url(path)
    },
    remove: (path) => void site.objects.delete(targetOf(path).full),
    async digest(path, range) {
      const object = site.objects.get(site.keyOf(path))
      if (object === undefined)
        throw new DfError('InvalidArgument', `nothing was put under ${path}`)
      const start = range?.start ?? 0
      const { sizeBytes } = object.content
      const end = Math.min(sizeBytes, start + (range?.length ?? sizeBytes))
      return contentDigest(object.content, start, end)
    },
    counters: (path) => records.counters(path === undefined ? undefined : site.keyOf(path)),
    resetCounters: () => records.reset(),
    misbehave: (path, fault) => site.misbehave(targetOf(path).full, fault),
    until: (condition) => records.until(condition),
    idle: () => records.until(() => records.pending === 0),
  }
}

/** Objects and faults by path, and how a request is answered from them. */
class Site {
  readonly records: OriginRecords
  readonly objects = new Map<string, OriginObject>()
  readonly #faults = new Map<string, ActiveFault[]>()

  constructor(records: OriginRecords) {
    this.records = records
  }

  misbehave(key: string, fault: Fault | readonly Fault[] | undefined): void {
    const faults = fault === undefined ? [] : [fault].flat()
    if (faults.length === 0) this.#faults.delete(key)
    else
      this.#faults.set(
        key,
        faults.map((one) => new ActiveFault(one)),
      )
  }

  keyOf(target: string): string {
    const { full, pathname } = targetOf(target)
    return this.objects.has(full) || this.#faults.has(full) ? full : pathname
  }

  async serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/', headers } = req
    const key = this.keyOf(path)
    const entry = this.records.begin(key, { method, path, headers })
    let isComplete = false
    res.once('finish', () => {
      isComplete = true
    })
    res.once('close', () => entry.onEnd(isComplete ? 'complete' : 'aborted'))
    req.resume()
    const behaviour = goodBehaviour(this.objects.get(key))
    const { pathname } = targetOf(path)
    const request = { method, pathname, authorization: headers.authorization }
    for (const fault of this.#faults.get(key) ?? []) fault.apply(behaviour, request)
    await send(res, answerTo(method, headers, behaviour), behaviour, entry)
  }
}

function objectOf(source: ContentSource, options: PutOptions = {}): OriginObject {
  const content = contentOf(source)
  const { etag = `"${content.tag}"`, lastModified = new Date() } = options
  return {
    content,
    etag: etag === false ? undefined : etag,
    lastModified: lastModified === false ? undefined : lastModified,
    contentType: options.contentType ?? 'application/octet-stream',
  }
}

/** A path or request target in one spelling, with and without its query. */
function targetOf(target: string): { full: string; pathname: string } {
  const isAbsolute = /^https?:\/\//i.test(target)
  const { pathname, search } = new URL(
    isAbsolute ? target : `http://origin${target.startsWith('/') ? '' : '/'}${target}`,
  )
  return { full: pathname + search, pathname }
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
