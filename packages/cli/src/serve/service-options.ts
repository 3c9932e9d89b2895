import { access } from 'node:fs/promises'
import type { Command } from 'commander'
import { collectList, envOption } from '../main/env-options.ts'

/** What dfdaemon and scheduler have in common. `prefix` begins the names in the environment. */
export function addLogOptions(command: Command, prefix: string): Command {
  return command
    .addOption(
      envOption('-l, --log-level <level>', 'How much is logged', `${prefix}_LOG_LEVEL`)
        .choices(['trace', 'debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addOption(envOption('--log-dir <dir>', 'Log to a file there', `${prefix}_LOG_DIR`))
    .addOption(
      envOption('--console', 'Log to standard error, also with --log-dir', `${prefix}_CONSOLE`),
    )
}

export function schedulerOption(prefix: string, description: string) {
  return envOption('--scheduler <ip:port>', description, `${prefix}_SCHEDULER`).argParser(
    collectList,
  )
}

/** The file that was named, which must be there, or the usual one when it is. */
export async function configFile(
  named: string | undefined,
  usual: string,
): Promise<string | undefined> {
  if (named !== undefined) return named
  try {
    await access(usual)
    return usual
  } catch {
    return undefined
  }
}
