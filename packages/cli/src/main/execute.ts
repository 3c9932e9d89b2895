import { type Command, CommanderError } from 'commander'
import { Interrupted } from '../interrupted.ts'
import type { CommandContext } from '../io.ts'

/** Wrong use of the command line, as documented in docs/exit-codes.md. */
const usageExit = 2

/** Runs a command to its exit code. Errors become one paragraph on standard error, wherever they come from. */
export async function execute(
  command: Command,
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  try {
    await command.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExit
    return await failed(error, command, context)
  }
}

async function failed(
  error: unknown,
  command: Command,
  { io, signal }: CommandContext,
): Promise<number> {
  const { reason }: { reason: unknown } = signal
  if (reason instanceof Interrupted) {
    io.stderr.write('Interrupted.\n')
    return reason.exitCode
  }
  // Errors load what the start of a program should not pay for.
  const { reportError } = await import('../output/report-error.ts')
  return reportError(error, io.stderr, { isVerbose: isVerbose(command) })
}

function isVerbose(command: Command): boolean {
  const { verbose, logLevel }: { verbose?: boolean; logLevel?: string } = command.opts()
  const isAsked = verbose === true || logLevel === 'debug' || logLevel === 'trace'
  return isAsked || command.commands.some(isVerbose)
}
