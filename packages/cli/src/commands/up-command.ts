import { type Command, Option } from 'commander'
import type { CommandContext } from '../io.ts'
import { applyEnvironment, environmentHelp, envOption } from '../main/env-options.ts'
import type { UpFlags } from '../up/run-up.ts'

export function upCommand(command: Command, context: CommandContext): Command {
  command
    .description('Runs a scheduler, a seed and a peer in one process.')
    .addOption(envOption('--data-dir <dir>', 'Default: ~/.local/share/damselfly', 'DAMSELFLY_HOME'))
    .addOption(
      envOption('--host <ip>', 'Serve other hosts on this address', 'DAMSELFLY_HOST').default(
        '127.0.0.1',
      ),
    )
    .addOption(
      envOption('-l, --log-level <level>', 'How much is logged', 'DAMSELFLY_LOG_LEVEL')
        .choices(['trace', 'debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addOption(new Option('--verbose', 'Tell all causes of an error'))
  command.addHelpText('after', environmentHelp('DAMSELFLY', ['DAMSELFLY_HOME (--data-dir)']))
  return command.action(async () => {
    applyEnvironment(command, context.io.env)
    const { runUp } = await import('../up/run-up.ts')
    await runUp(command.opts<UpFlags>(), context)
  })
}
