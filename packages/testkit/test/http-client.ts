import { type Agent, type IncomingHttpHeaders, request } from 'node:http'

export interface Reply {
  status: number | undefined
  headers: IncomingHttpHeaders
  body: Buffer
  /** `end`, `idle` when nothing came for `idleMs`, or the code of the error that ended it. */
  endedBy: string
  elapsedMs: number
  /** Time until the headers were there. */
  headersMs: number
}

export interface RequestSettings {
  method?: string
  headers?: Record<string, string>
  agent?: Agent
  idleMs?: number
}

/** One request through plain node:http; never rejects, a failure is part of the reply. */
export function get(url: string, settings: RequestSettings = {}): Promise<Reply> {
  const { idleMs, ...options } = settings
  const startedAt = performance.now()
  const { promise, resolve } = Promise.withResolvers<Reply>()
  const chunks: Buffer[] = []
  const reply: Omit<Reply, 'body'> = {
    status: undefined,
    headers: {},
    endedBy: '',
    elapsedMs: 0,
    headersMs: 0,
  }
  const finish = (endedBy: string): void => {
    const elapsedMs = performance.now() - startedAt
    resolve({ ...reply, endedBy, elapsedMs, body: Buffer.concat(chunks) })
  }
  const onError = (error: NodeJS.ErrnoException): void => finish(error.code ?? error.message)
  const req = request(url, options, (res) => {
    reply.status = res.statusCode
    reply.headers = res.headers
    reply.headersMs = performance.now() - startedAt
    res.on('data', (chunk: Buffer) => chunks.push(chunk))
    res.on('end', () => finish('end'))
    res.on('error', onError)
  })
  req.on('error', onError)
  if (idleMs !== undefined)
    req.setTimeout(idleMs, () => {
      finish('idle')
      req.destroy()
    })
  req.end()
  return promise
}

export function range(spec: string): { headers: Record<string, string> } {
  return { headers: { Range: `bytes=${spec}` } }
}
