import {
  type Content,
  type ContentSource,
  complemented,
  contentOf,
  withFlippedByte,
} from './content.ts'

/** Restricts a fault to some of the requests for its path. */
export interface FaultWindow {
  /** Only requests of this method are touched and counted by `after` and `times`. Default: every request. */
  method?: 'GET' | 'HEAD'
  /** Lets that many requests pass untouched first. Default 0. */
  after?: number
  /** Touches that many requests, then no more. Default: all. */
  times?: number
}

/** One way in which an origin misbehaves. Offsets and sizes in bytes. */
export type FaultKind =
  /** The body flows no faster than that. */
  | { kind: 'slow'; bytesPerSec: number }
  /** The status line and headers come that much later. */
  | { kind: 'delayHeaders'; ms: number }
  /** The promised Content-Length is right, but the connection ends after that many body bytes. */
  | { kind: 'truncate'; afterBytes: number }
  /** A Content-Length that lies. Too long: the connection ends after the real body. Too short: all of it is sent. */
  | { kind: 'wrongLength'; claim: number }
  /** Claims to serve ranges but answers them with 200 and everything. */
  | { kind: 'ignoreRange' }
  /** Says `Accept-Ranges: none` and answers ranges with 200 and everything. */
  | { kind: 'noRanges' }
  /** 206 with another range than the one asked for; body and Content-Range agree with each other. */
  | { kind: 'wrongRange' }
  /** Another ETag in each answer, the content stays. */
  | { kind: 'changingEtag' }
  /**
   * After that many requests, content, ETag and Last-Modified are others: `to`, or as many bytes, each one different.
   */
  | { kind: 'changeContent'; afterRequests: number; to?: ContentSource }
  /** Answers with that status and nothing of the content. */
  | {
      kind: 'status'
      code: number
      retryAfter?: number | string
      header?: Readonly<Record<string, string>>
    }
  | { kind: 'hangBeforeHeaders' }
  | { kind: 'hangAfterHeaders' }
  /** Redirects to a URL or a path; 302 by default. */
  | { kind: 'redirect'; to: string; code?: number }
  /** Redirects to the same path again and again, each time with another query. */
  | { kind: 'redirectLoop' }
  /** `Transfer-Encoding: chunked`, no Content-Length. */
  | { kind: 'chunked' }
  /** HEAD is answered with 405. */
  | { kind: 'noHead' }
  /** TCP reset as soon as the request has arrived. */
  | { kind: 'reset' }
  /** The byte at that offset of the object is flipped, whichever range it is sent in. */
  | { kind: 'corrupt'; atByte: number }
  /** 401 unless the Authorization header is exactly this. */
  | { kind: 'requireAuth'; authorization: string }

export type Fault = FaultKind & FaultWindow

/** What is stored under a path. */
export interface OriginObject {
  content: Content
  etag: string | undefined
  lastModified: Date | undefined
  contentType: string
}

/** How one request is to be answered; faults change it before the answer is made. */
export interface Behaviour {
  object: OriginObject | undefined
  ranges: 'served' | 'ignored' | 'none' | 'wrong'
  isChunked: boolean
  /** Content-Length to claim instead of the true one. */
  claimBytes: number | undefined
  /** Answer with this and nothing of the object. */
  instead: { code: number; headers: Record<string, string> } | undefined
  delayMs: number
  bytesPerSec: number
  cutAfterBytes: number
  hang: 'never' | 'beforeHeaders' | 'afterHeaders'
  isReset: boolean
}

export interface FaultRequest {
  method: string
  pathname: string
  authorization: string | undefined
}

export function goodBehaviour(object: OriginObject | undefined): Behaviour {
  return {
    object,
    ranges: 'served',
    isChunked: false,
    claimBytes: undefined,
    instead: undefined,
    delayMs: 0,
    bytesPerSec: Number.POSITIVE_INFINITY,
    cutAfterBytes: Number.POSITIVE_INFINITY,
    hang: 'never',
    isReset: false,
  }
}

/** A fault with the number of requests it has seen. */
export class ActiveFault {
  readonly #fault: Fault
  readonly #replacement: Content | undefined
  #seen = 0

  constructor(fault: Fault) {
    this.#fault = fault
    const to = fault.kind === 'changeContent' ? fault.to : undefined
    this.#replacement = to === undefined ? undefined : contentOf(to)
  }

  /** Changes `behaviour` when this request falls into the fault's window. */
  apply(behaviour: Behaviour, request: FaultRequest): void {
    const fault = this.#fault
    if (fault.method !== undefined && fault.method !== request.method) return
    const skip = (fault.after ?? 0) + (fault.kind === 'changeContent' ? fault.afterRequests : 0)
    const index = this.#seen++ - skip
    if (index < 0 || index >= (fault.times ?? Number.POSITIVE_INFINITY)) return
    const effect = effects[fault.kind] as Effect<FaultKind>
    effect(behaviour, fault, { ...request, index, replacement: this.#replacement })
  }
}

interface FaultContext extends FaultRequest {
  /** Number of requests the fault has touched before this one. */
  index: number
  replacement: Content | undefined
}

type Effect<F extends FaultKind> = (behaviour: Behaviour, fault: F, context: FaultContext) => void

const effects: { [K in FaultKind['kind']]: Effect<Extract<FaultKind, { kind: K }>> } = {
  slow: (b, { bytesPerSec }) => {
    b.bytesPerSec = bytesPerSec
  },
  delayHeaders: (b, { ms }) => {
    b.delayMs = ms
  },
  truncate: (b, { afterBytes }) => {
    b.cutAfterBytes = afterBytes
  },
  wrongLength: (b, { claim }) => {
    b.claimBytes = claim
  },
  ignoreRange: (b) => {
    b.ranges = 'ignored'
  },
  noRanges: (b) => {
    b.ranges = 'none'
  },
  wrongRange: (b) => {
    b.ranges = 'wrong'
  },
  changingEtag: (b, _fault, { index }) => {
    if (b.object !== undefined) b.object = { ...b.object, etag: `"changing-${index + 1}"` }
  },
  changeContent: (b, _fault, { replacement }) => {
    if (b.object !== undefined) b.object = changed(b.object, replacement)
  },
  status: (b, { code, retryAfter, header }) => {
    const retry = retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }
    b.instead = { code, headers: { ...retry, ...header } }
  },
  hangBeforeHeaders: (b) => {
    b.hang = 'beforeHeaders'
  },
  hangAfterHeaders: (b) => {
    b.hang = 'afterHeaders'
  },
  redirect: (b, { to, code }) => {
    b.instead = { code: code ?? 302, headers: { Location: to } }
  },
  redirectLoop: (b, _fault, { pathname, index }) => {
    b.instead = { code: 302, headers: { Location: `${pathname}?hop=${index + 1}` } }
  },
  chunked: (b) => {
    b.isChunked = true
  },
  noHead: (b, _fault, { method }) => {
    if (method === 'HEAD') b.instead = { code: 405, headers: { Allow: 'GET' } }
  },
  reset: (b) => {
    b.isReset = true
  },
  corrupt: (b, { atByte }) => {
    if (b.object !== undefined)
      b.object = { ...b.object, content: withFlippedByte(b.object.content, atByte) }
  },
  requireAuth: (b, { authorization }, request) => {
    if (request.authorization === authorization) return
    const scheme = authorization.split(' ')[0] ?? 'Basic'
    b.instead = { code: 401, headers: { 'WWW-Authenticate': `${scheme} realm="origin"` } }
  },
}

function changed(object: OriginObject, replacement: Content | undefined): OriginObject {
  const { etag, lastModified } = object
  return {
    ...object,
    content: replacement ?? complemented(object.content),
    etag: etag === undefined ? undefined : etag.replace(/"$/, '-changed"'),
    lastModified:
      lastModified === undefined ? undefined : new Date(lastModified.getTime() + 60_000),
  }
}
