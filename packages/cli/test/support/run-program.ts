import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

export interface ProgramOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

export interface StartedProgram extends AsyncDisposable {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  readonly ended: Promise<Ended>
  /** Resolves when standard output or standard error contains `text`; fails when the program ends before. */
  says(text: string): Promise<void>
  /** Everything said so far. */
  text(): string
}

type Program = 'damselfly' | 'dfget' | 'dfdaemon' | 'scheduler'

/** Starts a program of the package as a user would, with nothing of this process's environment but the search path. */
export function startProgram(
  program: Program,
  args: readonly string[],
  { cwd, env = {} }: ProgramOptions,
): StartedProgram {
  const path = fileURLToPath(new URL(`../../bin/${program}.js`, import.meta.url))
  const child = spawn(process.execPath, [path, ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? '', HOME: cwd, DAMSELFLY_HOME: `${cwd}/home`, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const ended = once(child, 'close').then(
    ([code, signal]): Ended => ({
      code: code as Ended['code'],
      signal: signal as Ended['signal'],
      out,
      err,
    }),
  )
  return {
    child,
    ended,
    text: () => out + err,
    says: (text) => said(text, child, () => out + err, ended),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

export async function runProgram(
  program: Program,
  args: readonly string[],
  options: ProgramOptions,
): Promise<Ended> {
  return await startProgram(program, args, options).ended
}

async function said(
  text: string,
  { stdout, stderr }: StartedProgram['child'],
  all: () => string,
  ended: Promise<Ended>,
): Promise<void> {
  let hasEnded = false
  void ended.then(() => {
    hasEnded = true
  })
  while (!all().includes(text)) {
    if (hasEnded) throw new Error(`ended without saying "${text}":\n${all()}`)
    const stop = new AbortController()
    const { signal } = stop
    const news = [once(stdout, 'data', { signal }), once(stderr, 'data', { signal })]
    for (const each of news) each.catch(() => {})
    await Promise.race([...news, ended])
    stop.abort()
  }
}
