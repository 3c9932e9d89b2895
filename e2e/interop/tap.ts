import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { steadyPort } from './steady-port.ts'

/** Stands before a scheduler and notes the task ids that pass towards it: gRPC without compression shows them as text. */
export interface Tap {
  /** `ip:port` to give to the daemons instead of the scheduler's. */
  readonly address: string
  readonly seen: Set<string>
  stop(): Promise<void>
}

const idChars = 64
const loopback = '127.0.0.1'

export async function startTap(target: string): Promise<Tap> {
  const [host = '', port] = target.split(':')
  const seen = new Set<string>()
  const sockets = new Set<Socket>()
  const listenPort = await steadyPort()
  const server = createServer((client) => {
    const upstream = connect(Number(port), host)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      socket.on('error', () => {})
    }
    client.once('close', () => upstream.destroy())
    upstream.once('close', () => client.destroy())
    let rest = ''
    client.on('data', (chunk: Buffer) => {
      const text = rest + chunk.toString('latin1')
      for (const [id] of text.matchAll(/[0-9a-f]{64}/g)) seen.add(id)
      // An id may be cut in two.
      rest = text.slice(-(idChars - 1))
    })
    client.pipe(upstream)
    upstream.pipe(client)
  })
  server.listen(listenPort, loopback)
  await once(server, 'listening')
  return {
    address: `${loopback}:${listenPort}`,
    seen,
    async stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
