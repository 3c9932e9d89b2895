import { createServer } from 'node:net'
import { DfError, errorCode } from '@damselfly/core'

export interface ChosenPort {
  readonly port: number
  /** The usual one was in use. */
  readonly isOther: boolean
}

/** Takes a port on `host`; fails with EADDRINUSE when it is in use. */
export type TryPort = (host: string, port: number) => Promise<number>

/** Chooses ports that are free now: the usual one each, or any other when that is in use. */
export class PortChooser {
  readonly #host: string
  readonly #tryPort: TryPort
  readonly #given = new Set<number>()

  constructor(host: string, tryPort: TryPort = bindAndClose) {
    this.#host = host
    this.#tryPort = tryPort
  }

  async choose(usual: number): Promise<ChosenPort> {
    if (!this.#given.has(usual) && (await this.#isFree(usual))) {
      this.#given.add(usual)
      return { port: usual, isOther: false }
    }
    return { port: await this.#anyPort(), isOther: true }
  }

  async #isFree(port: number): Promise<boolean> {
    try {
      await this.#tryPort(this.#host, port)
      return true
    } catch (cause) {
      if (errorCode(cause) === 'EADDRINUSE' || errorCode(cause) === 'EACCES') return false
      throw notOurAddress(this.#host, cause)
    }
  }

  async #anyPort(): Promise<number> {
    for (;;) {
      const port = await this.#tryPort(this.#host, 0)
      if (this.#given.has(port)) continue
      this.#given.add(port)
      return port
    }
  }
}

function bindAndClose(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host, port }, () => {
      const address = server.address()
      const bound = typeof address === 'object' && address !== null ? address.port : port
      server.close(() => resolve(bound))
    })
  })
}

function notOurAddress(host: string, cause: unknown): DfError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new DfError(
    'InvalidArgument',
    `Nothing can be served on ${host}: ${why}. Give --host an address of this machine.`,
    { cause, details: { host } },
  )
}
