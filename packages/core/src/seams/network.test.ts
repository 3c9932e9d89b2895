import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { systemNetwork } from './network.ts'

it('carries bytes both ways and lets a half-closed side keep sending', async () => {
  const server = systemNetwork.createServer({ allowHalfOpen: true }, (socket) => {
    socket.resume().on('end', () => socket.end('after the end'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const received: Buffer[] = []
  const buffer = Buffer.alloc(64)
  const socket = systemNetwork.connect(
    { host: '127.0.0.1', port },
    {
      onread: {
        buffer,
        callback: (length) => received.push(Buffer.from(buffer.subarray(0, length))) > 0,
      },
    },
  )
  socket.end('question')
  await once(socket, 'close')
  server.close()
  expect(Buffer.concat(received).toString()).toBe('after the end')
})

it('reports an endpoint where nobody listens', async () => {
  const socket = systemNetwork.connect({ path: '/nonexistent/socket' })
  const [error] = await once(socket, 'error')
  expect(error).toMatchObject({ code: 'ENOENT' })
})
