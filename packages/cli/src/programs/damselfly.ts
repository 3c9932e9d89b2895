import { experimentCommand } from '../commands/experiment-command.ts'
import { gcCommand } from '../commands/gc-command.ts'
import { getCommand } from '../commands/get-command.ts'
import { upCommand } from '../commands/up-command.ts'
import { whyCommand } from '../commands/why-command.ts'
import type { CommandContext } from '../io.ts'
import { execute } from '../main/execute.ts'
import { newCommand, newSubcommand } from '../main/new-command.ts'

export function damselfly(args: readonly string[], context: CommandContext): Promise<number> {
  const { io } = context
  const program = newCommand('damselfly', io)
    .description('Distributes files so that each byte leaves its origin about once.')
    .helpCommand(false)
  program.addCommand(upCommand(newSubcommand('up', io), context))
  program.addCommand(getCommand(newSubcommand('get', io), context, { isOutputRequired: false }))
  program.addCommand(gcCommand(newSubcommand('gc', io), context))
  program.addCommand(experimentCommand(newSubcommand('experiment', io), context))
  program.addCommand(whyCommand(newSubcommand('why', io), context))
  return execute(program, args, context)
}
