import { type Command, Option } from 'commander'
import type { GcFlags } from '../gc/run-gc.ts'
import type { CommandContext } from '../io.ts'
import { applyEnvironment, envOption } from '../main/env-options.ts'

export function gcCommand(command: Command, context: CommandContext): Command {
  command
    .description(
      'Deletes from the store of the local daemon what its configuration says has to go, as the daemon does by itself now and then.',
    )
    .addOption(new Option('--dry-run', 'Only say what would be deleted, and why'))
    .addOption(new Option('--json', 'The answer as a line of JSON on standard output'))
    .addOption(
      envOption(
        '-e, --endpoint <endpoint>',
        'Daemon to use: path of its download socket',
        'DAMSELFLY_ENDPOINT',
      ),
    )
    .addOption(
      envOption(
        '--data-dir <dir>',
        'Where "damselfly up" and started daemons keep data',
        'DAMSELFLY_HOME',
      ),
    )
    .addOption(new Option('--verbose', 'Say which daemon is used, and all causes of an error'))
    .addHelpText(
      'after',
      '\nIn the environment: DAMSELFLY_ENDPOINT (--endpoint), DAMSELFLY_HOME (--data-dir).',
    )
  return command.action(async () => {
    applyEnvironment(command, context.io.env)
    const { runGc } = await import('../gc/run-gc.ts')
    await runGc(command.opts<GcFlags>(), context)
  })
}
