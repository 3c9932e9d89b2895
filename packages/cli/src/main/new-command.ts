import { Command } from 'commander'
import type { Io } from '../io.ts'
import { version } from '../version.ts'

/** A command that writes to `io`, throws instead of leaving the process, and says its errors in our form. */
export function newCommand(name: string, io: Io): Command {
  return quiet(new Command(name), io).version(
    `${name} ${version}`,
    '-V, --version',
    'Print the version',
  )
}

/** A command below another one; the version belongs to the program. */
export function newSubcommand(name: string, io: Io): Command {
  return quiet(new Command(name), io)
}

function quiet(command: Command, io: Io): Command {
  return (
    command
      .exitOverride()
      .helpOption('-h, --help', 'Print this help')
      // Long flags leave less than the usual 40 columns for what they do.
      .configureHelp({ minWidthToWrap: 20 })
      .configureOutput({
        writeOut: (text) => io.stdout.write(text),
        writeErr: (text) => io.stderr.write(text),
        getOutHelpWidth: () => io.columns,
        getErrHelpWidth: () => io.columns,
        outputError: (text, write) =>
          write(
            `${text.trim().replaceAll(/\s*\n\s*/g, ' ')}. Run it with --help to see its use.\n`,
          ),
      })
  )
}
