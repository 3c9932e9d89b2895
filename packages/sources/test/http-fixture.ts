import { createServer, type RequestListener, type Server } from 'node:http'
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server as TcpServer,
} from 'node:net'
import { type Clock, DfError, silentLog, systemClock, systemRandom } from '@damselfly/core'
import { generatedBytes, type Origin, startOrigin } from '@damselfly/testkit'
import {
  type HttpSourceOptions,
  httpSource,
  type Source,
  type SourceRequest,
} from '../src/index.ts'

/** Small enough for tests, large enough for a busy machine where nothing is expected to time out. */
export const hasty: Partial<HttpSourceOptions> = {
  timeouts: { connectMs: 2000, headersMs: 5000, idleMs: 5000 },
  retryBaseMs: 1,
}

export interface Bench extends AsyncDisposable {
  readonly origin: Origin
  readonly source: Source
}

/** An origin and a source that asks it. */
export async function startBench(options: Partial<HttpSourceOptions> = {}): Promise<Bench> {
  const origin = await startOrigin()
  const source = testSource(options)
  return {
    origin,
    source,
    async [Symbol.asyncDispose]() {
      await source.close()
      await origin.stop()
    },
  }
}

export const testSource = (options: Partial<HttpSourceOptions> = {}): Source =>
  httpSource({
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    ...hasty,
    ...options,
  })

export const requestFor = (url: string, header: Record<string, string> = {}): SourceRequest => ({
  url: new URL(url),
  header,
})

export const content = (sizeBytes: number): Uint8Array => generatedBytes(7, 0, sizeBytes)

export async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(Uint8Array.from(chunk))
  return Buffer.concat(chunks)
}

/** The `DfError` that a promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<DfError> {
  const thrown = await promise.then(
    () => new Error('it succeeded'),
    (error: unknown) => error,
  )
  if (thrown instanceof DfError) return thrown
  throw thrown
}

/** Notes every pause of `pauseMs` and does not wait for it. */
export function skippingClock(pauseMs: number): { clock: Clock; skipped: () => number } {
  let count = 0
  const schedule: Clock['schedule'] = (delayMs, fn) => {
    if (delayMs === pauseMs) count += 1
    return systemClock.schedule(delayMs === pauseMs ? 0 : delayMs, fn)
  }
  return { clock: { ...systemClock, schedule }, skipped: () => count }
}

export interface Listening extends AsyncDisposable {
  readonly url: string
  readonly port: number
}

/** An HTTP server for what no well-meant origin does. */
export async function serveHttp(listener: RequestListener): Promise<Listening> {
  const server = createServer(listener)
  return listening(server, () => server.closeAllConnections())
}

/** Answers whatever comes with these bytes, once per connection, and leaves the connection open. */
export async function serveRaw(answer: string): Promise<Listening> {
  const sockets = new Set<{ destroy(): void }>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => socket.write(answer))
  })
  return listening(server, () => {
    for (const socket of sockets) socket.destroy()
  })
}

export async function listening(server: Server | TcpServer, cut: () => void): Promise<Listening> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}/object`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      cut()
      await closed
    },
  }
}
