import { getCommand } from '../commands/get-command.ts'
import type { CommandContext } from '../io.ts'
import { execute } from '../main/execute.ts'
import { newCommand } from '../main/new-command.ts'

/** `dfget URL -O FILE`, Dragonfly's name for `damselfly get`. */
export function dfget(args: readonly string[], context: CommandContext): Promise<number> {
  const command = newCommand('dfget', context.io)
  return execute(getCommand(command, context, { isOutputRequired: true }), args, context)
}
