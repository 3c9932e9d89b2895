import { type Command, Option } from 'commander'
import type { CommandContext } from '../io.ts'
import { applyEnvironment, environmentHelp, envOption } from '../main/env-options.ts'
import type { SchedulerFlags } from '../serve/run-scheduler.ts'
import { addLogOptions } from '../serve/service-options.ts'

export function schedulerCommand(command: Command, context: CommandContext): Command {
  addLogOptions(
    command
      .description('Decides who downloads what from whom.')
      .addOption(
        envOption(
          '--config <file>',
          'Default: /etc/dragonfly/scheduler.yaml if there is one',
          'SCHEDULER_CONFIG',
        ),
      )
      .addOption(envOption('--host <ip>', 'Listen there only', 'SCHEDULER_HOST'))
      .addOption(envOption('--port <port>', 'Listen there', 'SCHEDULER_PORT'))
      .addOption(new Option('--verbose', 'Tell all causes of an error')),
    'SCHEDULER',
  )
  command.addHelpText('after', environmentHelp('SCHEDULER'))
  return command.action(async () => {
    applyEnvironment(command, context.io.env)
    const { runScheduler } = await import('../serve/run-scheduler.ts')
    await runScheduler(command.opts<SchedulerFlags>(), context)
  })
}
