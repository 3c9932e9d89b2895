import { STATUS_CODES } from 'node:http'
import { DfError, errorCode } from '@damselfly/core'
import { connectTimeout, sourceClosed } from './agents.ts'
import type { Header } from './request-header.ts'
import { isTransientStatus } from './retry.ts'
import { describeHost, describeUrl } from './target.ts'

// Messages are one paragraph: what failed, where, what to do. Nothing that the origin wrote is quoted in them:
// not its reason phrase, not its body.

/** The origin answered with a status that means no. */
export function refused(
  url: URL,
  answer: { statusCode: number; header: Header; retryAfterMs?: number | undefined },
): DfError {
  const { statusCode, header, retryAfterMs } = answer
  const phrase = STATUS_CODES[statusCode] ?? ''
  const message = `${describeUrl(url)} answered ${`${statusCode} ${phrase}`.trim()}. ${advice(statusCode)}`
  return new DfError('SourceRefused', message + comeBack(retryAfterMs), {
    details: { url: describeUrl(url), statusCode, header, retryAfterMs },
    retryable: isTransientStatus(statusCode),
  })
}

function advice(statusCode: number): string {
  switch (statusCode) {
    case 401:
      return 'It wants credentials: pass a request header such as Authorization.'
    case 403:
      return 'The credentials that were sent, or none, do not allow this; a signed URL may have expired.'
    case 404:
    case 410:
      return 'Nothing is there: check the URL.'
    case 407:
      return 'A proxy on the way wants credentials.'
    case 416:
      return 'The range that was asked for lies behind the end of the content.'
    case 429:
      return 'It is being asked too often: try again later.'
    default:
      return statusCode >= 500
        ? 'The fault is on its side: try again later.'
        : 'Check the URL and the request headers.'
  }
}

const comeBack = (retryAfterMs: number | undefined): string =>
  retryAfterMs === undefined
    ? ''
    : ` It asks to come back in ${Math.ceil(retryAfterMs / 1000)} seconds.`

/** The origin broke HTTP. `what` completes the sentence "<URL> <what>". */
export function protocolError(url: URL, what: string, cause?: unknown): DfError {
  return new DfError(
    'SourceProtocol',
    `${describeUrl(url)} ${what}. The origin, or a proxy before it, does not follow HTTP; fetch the URL with another client to compare.`,
    { cause, details: { url: describeUrl(url) } },
  )
}

export function brokenRedirect(url: URL, how: string): DfError {
  return new DfError(
    'SourceProtocol',
    `${describeUrl(url)} redirects ${how}. Check the URL, or use the one it should lead to.`,
    { details: { url: describeUrl(url) } },
  )
}

/** `what` says which fact changed and from what to what. */
export function changed(url: URL, what: string): DfError {
  return new DfError(
    'SourceChanged',
    `The content of ${describeUrl(url)} changed while it was being fetched: ${what}. Start again to get the new content.`,
    { details: { url: describeUrl(url) } },
  )
}

/** The connection ended, or nothing came, in the middle of the content. */
export function interrupted(
  url: URL,
  progress: { what: string; received: number; length: number | undefined; cause?: unknown },
): DfError {
  const { what, received, length, cause } = progress
  const amount = length === undefined ? `${received} bytes` : `${received} of ${length} bytes`
  return new DfError(
    'SourceUnavailable',
    `${describeUrl(url)} ${what} after ${amount}. Try again; when it happens at the same place, look at the origin or at proxies on the way.`,
    { cause, details: { url: describeUrl(url), received, contentLength: length } },
  )
}

export function noAnswer(url: URL, headersMs: number): DfError {
  return new DfError(
    'SourceUnavailable',
    `${describeHost(url)} did not begin to answer for ${describeUrl(url)} within ${seconds(headersMs)}. Check whether the origin is overloaded.`,
    { details: { url: describeUrl(url) } },
  )
}

const seconds = (ms: number): string => `${ms / 1000} seconds`

/** True when Node's parser could not make sense of what came. */
export const isNotHttp = (thrown: unknown): boolean =>
  errorCode(thrown)?.startsWith('HPE_') === true

/** How Node refuses to send a header. */
const unsendable = new Set([
  'ERR_INVALID_CHAR',
  'ERR_INVALID_HTTP_TOKEN',
  'ERR_HTTP_INVALID_HEADER_VALUE',
])

/** What a failed request, before any header, means. */
export function networkError(url: URL, thrown: unknown): DfError {
  const code = errorCode(thrown) ?? ''
  if (unsendable.has(code)) {
    return new DfError(
      'InvalidArgument',
      `The request to ${describeUrl(url)} cannot be sent: a request header has a name or value that HTTP does not allow.`,
      { cause: thrown, details: { url: describeUrl(url) } },
    )
  }
  if (isNotHttp(thrown)) {
    return protocolError(url, 'answered something that is not HTTP (check scheme and port)', thrown)
  }
  const { what, check, lasting } = explain(code)
  return new DfError(
    'SourceUnavailable',
    `Cannot fetch ${describeUrl(url)} from ${describeHost(url)}: ${what}. ${check}`,
    {
      cause: thrown,
      details: { url: describeUrl(url), reason: code },
      ...(lasting === true && { retryable: false }),
    },
  )
}

interface Explanation {
  what: string
  check: string
  /** True when asking again gives the same answer. */
  lasting?: boolean
}

const closed: Explanation = {
  what: 'the connection was closed before an answer came',
  check: 'Check the port, and proxies or firewalls on the way.',
}
const tooSlow: Explanation = {
  what: 'no connection was made in time',
  check: 'Check host and port, and firewalls on the way.',
}
const noRoute: Explanation = {
  what: 'there is no route to the host',
  check: 'Check the network of this machine.',
}

const explanations: Readonly<Record<string, Explanation>> = {
  ECONNREFUSED: {
    what: 'the connection was refused',
    check: 'Check that the server runs and that the port is right.',
  },
  ENOTFOUND: {
    what: 'the host name does not exist',
    check: 'Check the spelling, and the DNS servers of this machine.',
  },
  EAI_AGAIN: {
    what: 'the host name could not be resolved',
    check: 'Check the DNS servers of this machine.',
  },
  ECONNRESET: closed,
  EPIPE: closed,
  [connectTimeout]: tooSlow,
  ETIMEDOUT: tooSlow,
  EHOSTUNREACH: noRoute,
  ENETUNREACH: noRoute,
  EPROTO: { what: 'the TLS handshake failed', check: 'Check that this port speaks https.' },
  [sourceClosed]: { what: 'the source is closed', check: 'It is shutting down.', lasting: true },
}

const certificateCode = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|ALTNAME/

function explain(code: string): Explanation {
  const known = explanations[code]
  if (known !== undefined) return known
  if (certificateCode.test(code)) {
    return {
      what: `its certificate is not accepted (${code})`,
      check: 'Check the host name, or add its certificate authority to the trusted ones.',
      lasting: true,
    }
  }
  if (code.startsWith('ERR_SSL')) {
    return {
      what: `the TLS handshake failed (${code})`,
      check: 'Check that this port speaks https.',
    }
  }
  return {
    what: code === '' ? 'the connection failed' : `the connection failed (${code})`,
    check: 'Check host, port and network.',
  }
}
