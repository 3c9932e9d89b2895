import { Interrupted, type StopSignal } from '../interrupted.ts'
import type { CommandContext, Io } from '../io.ts'

export type Program = (args: readonly string[], context: CommandContext) => Promise<number>

/** Something forgot to close a handle when the program is done this long. */
const lingerMs = 3_000

/** The only place where a program touches its process: streams, signals and the exit code. */
export async function runProgram(
  program: Program,
  options: { daemonCommand: readonly string[] },
): Promise<void> {
  hideExperimentalWarnings()
  ignoreClosedPipes()
  const signal = watchSignals()
  process.exitCode = await program(process.argv.slice(2), { io: systemIo(), signal, ...options })
  setTimeout(() => process.exit(), lingerMs).unref()
}

function systemIo(): Io {
  const { stdout, stderr, env } = process
  return {
    stdout,
    stderr,
    isTty: stderr.isTTY === true,
    env,
    cwd: process.cwd(),
    get columns() {
      return stderr.columns ?? stdout.columns ?? 80
    },
  }
}

/** The first signal asks nicely, the second ends the process at once. */
function watchSignals(): AbortSignal {
  const controller = new AbortController()
  const onSignal = (name: StopSignal): void => {
    const reason = new Interrupted(name)
    if (controller.signal.aborted) process.exit(reason.exitCode)
    controller.abort(reason)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return controller.signal
}

/** `damselfly get --json ... | head` closes our output early; the download goes on. */
function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
}

/** node:sqlite is experimental in name only here: its version is pinned with Node's. Other warnings stay. */
function hideExperimentalWarnings(): void {
  const listeners = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', (warning) => {
    if (warning.name === 'ExperimentalWarning') return
    for (const listener of listeners) listener.call(process, warning)
  })
}
