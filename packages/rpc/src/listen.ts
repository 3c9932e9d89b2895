import { chmod, lstat, mkdir, unlink } from 'node:fs/promises'
import type { Server } from 'node:net'
import { dirname } from 'node:path'
import { DfError, type Endpoint, errorCode, type Network } from '@damselfly/core'

/** Of a unix socket that Linux keeps in a space of names of its own: there is no file. */
const abstractPrefix = '\0'

/** Binds and returns where: the real port when 0 was asked for. A taken address is `AlreadyRunning`. */
export async function listen(
  server: Server,
  endpoint: Endpoint,
  network: Network,
): Promise<Endpoint> {
  if ('path' in endpoint && endpoint.path.startsWith(abstractPrefix)) {
    await bind(server, endpoint)
    return endpoint
  }
  if (!('path' in endpoint)) {
    await bind(server, endpoint)
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    return { host: endpoint.host, port: port ?? endpoint.port }
  }
  await mkdir(dirname(endpoint.path), { recursive: true })
  await removeStale(endpoint.path, network)
  await bind(server, endpoint)
  // Any local user may download through the daemon; Dragonfly's socket is 0777 as well (interop 1.1).
  await chmod(endpoint.path, 0o777)
  return endpoint
}

function bind(server: Server, endpoint: Endpoint): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error): void => {
      if (errorCode(cause) !== 'EADDRINUSE') reject(cause)
      else reject(taken(endpoint, cause))
    }
    server.once('error', onError)
    server.listen(endpoint, () => {
      server.off('error', onError)
      resolve()
    })
  })
}

/** A process that died leaves its socket file behind; one that lives answers on it. */
async function removeStale(path: string, network: Network): Promise<void> {
  let isSocket: boolean
  try {
    isSocket = (await lstat(path)).isSocket()
  } catch (err) {
    if (errorCode(err) === 'ENOENT') return
    throw err
  }
  if (!isSocket) throw new DfError('InvalidArgument', `${path} exists and is not a socket`)
  if (await answers(path, network)) throw taken({ path })
  await unlink(path)
}

function answers(path: string, network: Network): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = network.connect({ path })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (err) => {
      const code = errorCode(err)
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(false)
      else reject(err)
    })
  })
}

function taken(endpoint: Endpoint, cause?: unknown): DfError {
  const where = 'path' in endpoint ? endpoint.path : `${endpoint.host}:${endpoint.port}`
  return new DfError('AlreadyRunning', `another process serves on ${where}`, {
    cause,
    details: { ...endpoint },
  })
}
