import { createHash, timingSafeEqual } from 'node:crypto'
import type { Server, Socket } from 'node:net'
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls'
import { DfError, type OnRead } from '@damselfly/core'
import { endpointText } from './peer-errors.ts'

interface Address {
  readonly host: string
  readonly port: number
}

/** What a daemon shows to its peers: a certificate that nobody signed, known by its fingerprint. */
export interface PeerIdentity {
  /** PEM. */
  readonly cert: string
  /** PEM, PKCS 8. */
  readonly key: string
  /** SHA-256 of the certificate (DER), 64 hex digits; others learn it through the control plane. */
  readonly fingerprint: string
}

/** TLS 1.3 between our own daemons. */
export interface SecureNetwork {
  /**
   * Starts connecting; the socket emits `secureConnect` or `error`. `check` throws `PeerProtocol` unless the peer has shown
   * the certificate of that fingerprint.
   */
  connect(
    address: Address,
    fingerprint: string,
    onread: OnRead,
  ): { socket: TLSSocket; check: () => void }
  createServer(identity: PeerIdentity, onConnection: (socket: Socket) => void): Server
}

const maxSessions = 256
/** Milliseconds. */
const handshakeTimeout = 10_000

/**
 * The operating system's sockets. Sessions are kept per certificate, so that a second connection to a peer costs no
 * signature: resuming one proves the same key.
 */
export function systemSecureNetwork(): SecureNetwork {
  const sessions = new Map<string, Buffer>()
  return {
    connect(address, fingerprint, onread) {
      const session = sessions.get(fingerprint)
      const options: ConnectionOptions & { onread: OnRead } = {
        ...address,
        onread,
        minVersion: 'TLSv1.3',
        // Nobody signed it: its fingerprint is what counts.
        rejectUnauthorized: false,
        ...(session === undefined ? {} : { session }),
      }
      const socket = connect(options)
      socket.setNoDelay(true)
      let isChecked = false
      socket.on('session', (ticket) => {
        if (!isChecked) return
        sessions.delete(fingerprint)
        sessions.set(fingerprint, ticket)
        const [oldest] = sessions.keys()
        if (sessions.size > maxSessions && oldest !== undefined) sessions.delete(oldest)
      })
      const check = (): void => {
        // A resumed session shows no certificate; that it could be resumed proves whose it was.
        if (!socket.isSessionReused()) checkFingerprint(socket, address, fingerprint)
        isChecked = true
      }
      return { socket, check }
    },
    createServer({ cert, key }, onConnection) {
      // Never half open: our own children end a connection as a whole, and a handshake that was left would linger.
      const options = { cert, key, minVersion: 'TLSv1.3', handshakeTimeout, noDelay: true } as const
      return createServer(options, onConnection)
    },
  }
}

function checkFingerprint(socket: TLSSocket, address: Address, fingerprint: string): void {
  const shown = socket.getPeerX509Certificate()
  const expected = Buffer.from(fingerprint, 'hex')
  if (shown !== undefined && expected.byteLength === 32) {
    const actual = createHash('sha256').update(shown.raw).digest()
    if (timingSafeEqual(actual, expected)) return
  }
  const endpoint = endpointText(address)
  const message = `The peer at ${endpoint} shows another certificate than it told.`
  throw new DfError('PeerProtocol', message, { details: { endpoint } })
}
