import { type Command, Option } from 'commander'
import type { CommandContext } from '../io.ts'
import { applyEnvironment, environmentHelp, envOption } from '../main/env-options.ts'
import type { DfdaemonFlags } from '../serve/run-dfdaemon.ts'
import { addLogOptions, schedulerOption } from '../serve/service-options.ts'

export function dfdaemonCommand(command: Command, context: CommandContext): Command {
  addLogOptions(
    command
      .description('Downloads, keeps and shares files on this host.')
      .addOption(
        envOption(
          '-c, --config <file>',
          'Default: /etc/dragonfly/dfdaemon.yaml if there is one',
          'DFDAEMON_CONFIG',
        ),
      )
      .addOption(
        envOption(
          '--dynconfig <file>',
          'Names the schedulers; default: /etc/dragonfly/dynconfig.yaml if there is one',
          'DFDAEMON_DYNCONFIG',
        ),
      )
      .addOption(
        schedulerOption('DFDAEMON', 'Scheduler to join, instead of those in files; repeatable'),
      )
      .addOption(envOption('--seed', 'Be a seed: go to origins on behalf of all', 'DFDAEMON_SEED'))
      .addOption(new Option('--verbose', 'Tell all causes of an error')),
    'DFDAEMON',
  )
    // Units of Dragonfly's packages have them. Rotating files is logrotate's work here.
    .addOption(
      envOption('--log-max-files <count>', 'No effect', 'DFDAEMON_LOG_MAX_FILES').hideHelp(),
    )
    .addOption(
      envOption('--log-max-file-size <size>', 'No effect', 'DFDAEMON_LOG_MAX_FILE_SIZE').hideHelp(),
    )
  command.addHelpText('after', environmentHelp('DFDAEMON'))
  return command.action(async () => {
    applyEnvironment(command, context.io.env)
    const { runDfdaemon } = await import('../serve/run-dfdaemon.ts')
    await runDfdaemon(command.opts<DfdaemonFlags>(), context)
  })
}
