import { spawn } from 'node:child_process'

/** A process that is to outlive this one, while it starts. */
export interface ChildStart {
  /** How it ended; `undefined` while it runs. No code when it was killed or could not be started. */
  exit(): { readonly code: number | undefined } | undefined
  /** The end of what it wrote to standard error. */
  errors(): string
  /** Lets go of it: it goes on, and this process may end. */
  release(): void
}

const maxErrorLength = 4_096

/** Detached, in a session of its own, so that Ctrl-C of the terminal does not reach it. */
export function startChild([program = '', ...args]: readonly string[]): ChildStart {
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: '/',
  })
  let exit: { code: number | undefined } | undefined
  let errors = ''
  child.once('exit', (code) => {
    exit = { code: code ?? undefined }
  })
  child.once('error', (error) => {
    errors += error.message
    exit = { code: undefined }
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-maxErrorLength)
  })
  return {
    exit: () => exit,
    errors: () => errors,
    release() {
      child.stderr.destroy()
      child.unref()
    },
  }
}
