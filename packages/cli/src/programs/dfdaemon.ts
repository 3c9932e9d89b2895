import { dfdaemonCommand } from '../commands/dfdaemon-command.ts'
import type { CommandContext } from '../io.ts'
import { execute } from '../main/execute.ts'
import { newCommand } from '../main/new-command.ts'

export function dfdaemon(args: readonly string[], context: CommandContext): Promise<number> {
  return execute(dfdaemonCommand(newCommand('dfdaemon', context.io), context), args, context)
}
