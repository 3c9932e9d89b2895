import { type Command, InvalidArgumentError, Option } from 'commander'
import type { CommandContext } from '../io.ts'
import { applyEnvironment, envOption } from '../main/env-options.ts'
import type { WhyFlags } from '../why/run-why.ts'

export function whyCommand(command: Command, context: CommandContext): Command {
  const { io } = context
  command
    .description(
      'Explains a download: where the bytes came from, who was slow, why these parents, why the origin.',
    )
    .argument('<task>', 'Id of the task, as "damselfly get --json" and the logs tell it')
    .addOption(
      envOption(
        '--scheduler <host:port,...>',
        'Schedulers to ask, all of the cluster. Default: that of "damselfly up", else 127.0.0.1:8002',
        'DAMSELFLY_SCHEDULER',
      ),
    )
    .addOption(envOption('--data-dir <dir>', 'Where "damselfly up" keeps data', 'DAMSELFLY_HOME'))
    .addOption(new Option('--of <host>', 'Only decisions for this host, or for this peer'))
    .addOption(
      new Option('--decisions <n>', 'So many decisions, the newest first')
        .default(3)
        .argParser(parseCount),
    )
    .addOption(new Option('--json', 'All that is known as a line of JSON on standard output'))
    .addOption(
      new Option('--verbose', 'Say which schedulers are asked, and all causes of an error'),
    )
  command.action(async (task: string) => {
    applyEnvironment(command, io.env)
    const { runWhy } = await import('../why/run-why.ts')
    await runWhy(task, command.opts<WhyFlags>(), context)
  })
  return command
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Expected a number from 1 to 999.')
}
