import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import type { Endpoint } from '@damselfly/core'

/** One gRPC message in its envelope. */
export function envelope(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.byteLength, 1)
  return Buffer.concat([head, message])
}

/** A client that knows HTTP/2 and nothing of gRPC, so that tests see what is on the wire. */
export function openRawClient(endpoint: Endpoint): RawClient {
  const session = connectHttp2('http://localhost', {
    maxSessionMemory: 1000,
    createConnection: () => connect(endpoint),
  })
  session.on('error', () => {})
  return {
    session,
    request(path, headers = {}) {
      const stream = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      })
      return new RawCall(stream)
    },
    [Symbol.dispose]: () => session.destroy(),
  }
}

export interface RawClient extends Disposable {
  session: ClientHttp2Session
  request(path: string, headers?: Record<string, string>): RawCall
}

/** What arrives on one stream, in order. */
export class RawCall {
  readonly events: string[] = []
  readonly stream: ClientHttp2Stream
  readonly headers: Promise<IncomingHttpHeaders>
  readonly trailers: Promise<IncomingHttpHeaders>
  /** The code with which the stream closed. */
  readonly closed: Promise<number>
  readonly #chunks: Buffer[] = []

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => {
      if (this.#chunks.length === 0) this.events.push('data')
      this.#chunks.push(chunk)
    })
    this.headers = once(stream, 'response').then(([headers]) => {
      this.events.push('headers')
      return headers
    })
    this.trailers = once(stream, 'trailers').then(([trailers]) => {
      this.events.push('trailers')
      return trailers
    })
    this.closed = once(stream, 'close').then(() => {
      this.events.push('close')
      return stream.rstCode
    })
    for (const promise of [this.headers, this.trailers, this.closed]) promise.catch(() => {})
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  send(message: Uint8Array): this {
    this.stream.write(envelope(message))
    return this
  }
}

/** A server that answers as `respond` says. */
export async function startRawServer(
  respond: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
): Promise<RawServer> {
  const server = createServer()
  const sessions = new Set<{ destroy(): void }>()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => {})
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    stream.resume()
    respond(stream, headers)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const killSessions = (): void => {
    for (const session of sessions) session.destroy()
  }
  return {
    endpoint: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    killSessions,
    async [Symbol.asyncDispose]() {
      killSessions()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export interface RawServer extends AsyncDisposable {
  endpoint: { host: string; port: number }
  /** Cuts the connections, as a process that dies does. */
  killSessions(): void
}

/** Answers like tonic: an error status in the trailers. */
export function failLikeTonic(stream: ServerHttp2Stream, trailers: Record<string, string>): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers(trailers))
  stream.end()
}

export const noError = constants.NGHTTP2_NO_ERROR
