import type { CommandContext, Io } from '../../src/io.ts'

export interface FakeIo extends Io {
  /** Everything written so far. */
  readonly out: () => string
  readonly err: () => string
}

export function fakeIo(given: Partial<Io> = {}): FakeIo {
  const out: string[] = []
  const err: string[] = []
  return {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    isTty: false,
    env: {},
    cwd: '/work',
    columns: 80,
    ...given,
    out: () => out.join(''),
    err: () => err.join(''),
  }
}

export function fakeContext(given: Partial<Io> = {}): CommandContext & { readonly io: FakeIo } {
  const io = fakeIo(given)
  return { io, signal: new AbortController().signal, daemonCommand: ['/bin/false'] }
}
