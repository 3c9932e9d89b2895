import { DfError, errorTraits, isDfError } from '@damselfly/core'
import { Interrupted } from '../interrupted.ts'
import type { Output } from '../io.ts'

/** Tells a person what failed and returns the exit code. */
export function reportError(
  thrown: unknown,
  stderr: Output,
  { isVerbose }: { isVerbose: boolean },
): number {
  const error = DfError.from(thrown)
  const hint = isDfError(thrown) ? '' : ' (unexpected: run it with --verbose for details)'
  stderr.write(`error: ${error.message.trim()}${isVerbose ? '' : hint}\n`)
  if (isVerbose) {
    stderr.write(`  code ${error.code}, blame ${error.blame}, retryable ${error.retryable}\n`)
    for (const cause of causesOf(error)) stderr.write(`  caused by ${cause}\n`)
  }
  return exitCodeOf(thrown)
}

export function exitCodeOf(thrown: unknown): number {
  return errorTraits[DfError.from(thrown).code].exit
}

/** What `--json` tells of an error. */
export function errorFacts(thrown: unknown) {
  if (thrown instanceof Interrupted) {
    const { message, exitCode } = thrown
    return { code: 'Interrupted', message, retryable: true, exitCode }
  }
  const { code, message, retryable } = DfError.from(thrown)
  return { code, message, retryable, exitCode: exitCodeOf(thrown) }
}

function* causesOf(error: Error): Generator<string> {
  const seen = new Set<unknown>([error])
  let { cause } = error
  while (cause !== undefined && cause !== null && !seen.has(cause)) {
    seen.add(cause)
    // What was not thrown by us on purpose is worth its stack.
    yield cause instanceof Error && !isDfError(cause)
      ? (cause.stack ?? String(cause))
      : String(cause)
    cause = cause instanceof Error ? cause.cause : undefined
  }
}
