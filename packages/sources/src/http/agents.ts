import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { OnReadOpts, Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { Clock } from '@damselfly/core'
import { Intake } from './intake.ts'

/** What `node:tls` takes for certificate authorities of one's own and for client certificates. */
export type HttpTls = Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'passphrase' | 'pfx'>

export interface AgentOptions {
  readonly clock: Clock
  /** For a TCP connection and its TLS handshake, the look-up of the name included. */
  readonly connectMs: number
  /** Connections to one origin at a time; further requests wait for one. */
  readonly connections: number
  readonly tls: HttpTls
}

export interface Agents {
  readonly http: HttpAgent
  readonly https: HttpsAgent
  /** Cuts every connection; a request that asks for one from now on fails with `sourceClosed`. */
  destroy(): void
}

/** Codes of the errors that Node has no word for. */
export const connectTimeout = 'ERR_SOURCE_CONNECT_TIMEOUT'
export const sourceClosed = 'ERR_SOURCE_CLOSED'

/** Shorter than common servers wait (5 s and more), so that they seldom hang up on a request. */
const idleSocketMs = 4000
const maxIdleSockets = 16

type CreateArguments = Parameters<HttpAgent['createConnection']>
type Connect = (more: { onread: OnReadOpts }) => Socket

/** Connections that are made in time, or not at all, and kept for the next request to the same origin. */
export function httpAgents(options: AgentOptions): Agents {
  const { clock, connectMs, connections, tls } = options
  let isClosed = false

  const dial = (connect: Connect, doneEvent: string): Socket => {
    const intake = new Intake()
    const socket = connect({ onread: intake.onread })
    intake.attach(socket)
    const cancel = clock.schedule(connectMs, () =>
      socket.destroy(failure(connectTimeout, `no connection within ${connectMs} ms`)),
    )
    return socket.once(doneEvent, cancel).once('close', cancel)
  }

  class PlainAgent extends HttpAgent {
    override createConnection(...[target, whenMade]: CreateArguments): Socket | undefined {
      if (isClosed) return refuse(whenMade)
      const connect: Connect = (more) =>
        super.createConnection({ ...target, ...more }, whenMade) as Socket
      return dial(connect, 'connect')
    }
  }
  class TlsAgent extends HttpsAgent {
    override createConnection(...[target, whenMade]: CreateArguments): Socket | undefined {
      if (isClosed) return refuse(whenMade)
      const connect: Connect = (more) =>
        super.createConnection({ ...target, ...more }, whenMade) as Socket
      return dial(connect, 'secureConnect')
    }
  }
  const pool = {
    keepAlive: true,
    timeout: idleSocketMs,
    maxSockets: connections,
    maxFreeSockets: maxIdleSockets,
  }
  const http = new PlainAgent(pool)
  // One HTTP/2 connection shares one flow-control window; several HTTP/1.1 connections carry more.
  const https = new TlsAgent({ ...pool, ...tls, ALPNProtocols: ['http/1.1'] })
  return {
    http,
    https,
    destroy() {
      isClosed = true
      http.destroy()
      https.destroy()
    },
  }
}

/** An agent also connects for requests that waited, out of the event loop, where nobody would catch an error. */
function refuse(whenMade: CreateArguments[1]): undefined {
  ;(whenMade as ((error: Error) => void) | undefined)?.(
    failure(sourceClosed, 'the source is closed'),
  )
}

const failure = (code: string, message: string): Error =>
  Object.assign(new Error(message), { code })
