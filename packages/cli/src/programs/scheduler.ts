import { schedulerCommand } from '../commands/scheduler-command.ts'
import type { CommandContext } from '../io.ts'
import { execute } from '../main/execute.ts'
import { newCommand } from '../main/new-command.ts'

export function scheduler(args: readonly string[], context: CommandContext): Promise<number> {
  return execute(schedulerCommand(newCommand('scheduler', context.io), context), args, context)
}
