import process from 'node:process'
import { type Command, UsageError } from './commands/command.ts'
import { experimentCommand } from './commands/experiment.ts'
import { fuzzCommand } from './commands/fuzz-command.ts'
import { gatesCommand, nightlyCommand } from './commands/gates-command.ts'
import { plantedCommand } from './commands/planted-command.ts'
import { replayCommand } from './commands/replay.ts'
import { listCommand, runCommand } from './commands/run-command.ts'

const commands: readonly Command[] = [
  runCommand,
  gatesCommand,
  nightlyCommand,
  listCommand,
  experimentCommand,
  replayCommand,
  fuzzCommand,
  plantedCommand,
]

const help = `Usage: npm run sim -- COMMAND [options]

${commands.map(({ usage }) => usage).join('\n\n')}

--json prints one JSON object and nothing else on standard output.`

const output = {
  print: (text: string): void => void process.stdout.write(`${text}\n`),
  note: (text: string): void => void process.stderr.write(`${text}\n`),
}

const [name, ...args] = process.argv.slice(2)
if (name === undefined || [name, ...args].some((arg) => arg === '--help' || arg === '-h')) {
  output.print(help)
} else {
  try {
    process.exitCode = await commandOf(name).run(args, output)
  } catch (error) {
    if (!isUsage(error)) throw error
    output.note(`error: ${error.message}`)
    process.exitCode = 2
  }
}

function commandOf(wanted: string): Command {
  const command = commands.find((one) => one.name === wanted)
  if (command !== undefined) return command
  throw new UsageError(`There is no command "${wanted}". Try --help.`)
}

/** Ours, or what `parseArgs` throws. */
function isUsage(error: unknown): error is Error {
  if (error instanceof UsageError) return true
  return (
    error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  )
}
