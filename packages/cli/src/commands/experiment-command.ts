import { type Command, Option } from 'commander'
import type { ExperimentFlags } from '../experiment/run-experiment.ts'
import type { CommandContext } from '../io.ts'
import { applyEnvironment, envOption } from '../main/env-options.ts'
import { newSubcommand } from '../main/new-command.ts'

export function experimentCommand(command: Command, context: CommandContext): Command {
  const { io } = context
  command.description('Compares ways of scheduling on live traffic.').helpCommand(false)
  const start = addOptions(newSubcommand('start', io))
    .description('Starts the experiment that a YAML file describes.')
    .argument('<file>', 'What is compared; docs/experiments.md has examples')
  start.action(async (file: string) => {
    const { runStart } = await import('../experiment/run-experiment.ts')
    await runStart(file, flagsOf(start, context), context)
  })
  const status = addOptions(newSubcommand('status', io)).description(
    'Says what is known so far, and what to do.',
  )
  status.action(async () => {
    const { runStatus } = await import('../experiment/run-experiment.ts')
    await runStatus(flagsOf(status, context), context)
  })
  const stop = addOptions(newSubcommand('stop', io)).description(
    'Ends the experiment: new swarms are scheduled as usual.',
  )
  stop.action(async () => {
    const { runStop } = await import('../experiment/run-experiment.ts')
    await runStop(flagsOf(stop, context), context)
  })
  return command.addCommand(start).addCommand(status).addCommand(stop)
}

function addOptions(command: Command): Command {
  return command
    .addOption(
      envOption(
        '--scheduler <host:port>',
        'Scheduler to ask. Default: that of "damselfly up", else 127.0.0.1:8002',
        'DAMSELFLY_SCHEDULER',
      ),
    )
    .addOption(envOption('--data-dir <dir>', 'Where "damselfly up" keeps data', 'DAMSELFLY_HOME'))
    .addOption(new Option('--json', 'The answer as a line of JSON on standard output'))
    .addOption(new Option('--verbose', 'Say which scheduler is asked, and all causes of an error'))
}

function flagsOf(command: Command, { io }: CommandContext): ExperimentFlags {
  applyEnvironment(command, io.env)
  return command.opts<ExperimentFlags>()
}
