import type { Command } from 'commander'
import { Option } from 'commander'
import type { GetFlags } from '../get/get-flags.ts'
import type { CommandContext } from '../io.ts'
import {
  applyEnvironment,
  collect,
  collectList,
  environmentHelp,
  envOption,
} from '../main/env-options.ts'

/** Those that are not DFGET_ and the flag. */
const ownVariables = ['DAMSELFLY_ENDPOINT', 'DAMSELFLY_SCHEDULER', 'DAMSELFLY_HOME (--data-dir)']

/** `damselfly get` and `dfget`: flags of Dragonfly's dfget and a few of ours. Nothing is checked or loaded here. */
export function getCommand(
  command: Command,
  context: CommandContext,
  { isOutputRequired }: { isOutputRequired: boolean },
): Command {
  command
    .description('Downloads a file through the local daemon; one is started when none runs.')
    .argument('<url>', 'what to download, http or https')
  addRequestOptions(command, isOutputRequired)
  addIdentityOptions(command)
  addDirectoryOptions(command)
  addOwnOptions(command)
  command.addHelpText('after', environmentHelp('DFGET', ownVariables))
  return command.action(async (url: string) => {
    applyEnvironment(command, context.io.env)
    const { runGet } = await import('../get/run-get.ts')
    await runGet({ url, flags: command.opts<GetFlags>(), isOutputRequired }, context)
  })
}

function addRequestOptions(command: Command, isOutputRequired: boolean): void {
  const name = isOutputRequired ? '' : '; the last part of the URL when left out'
  command
    .addOption(envOption('-O, --output <file>', `Where to write${name}`, 'DFGET_OUTPUT'))
    .addOption(envOption('--overwrite', 'Replace an existing output', 'DFGET_OVERWRITE'))
    .addOption(
      envOption(
        '--force-hard-link',
        'Fail when the output cannot be a hard link to the store',
        'DFGET_FORCE_HARD_LINK',
      ),
    )
    .addOption(
      envOption(
        '--transfer-from-dfdaemon',
        'Write the output here, not in the daemon, which may not reach its path',
        'DFGET_TRANSFER_FROM_DFDAEMON',
      ),
    )
    .addOption(
      envOption('--timeout <time>', 'Give up after this long', 'DFGET_TIMEOUT').default('2h'),
    )
    .addOption(
      envOption(
        '--digest <digest>',
        'What the content must have: sha256:<hex>, sha512:<hex> or crc32:<decimal>',
        'DFGET_DIGEST',
      ),
    )
    .addOption(
      envOption(
        '-H, --header <header>',
        '"Name: value", sent to the origin; repeatable',
        'DFGET_HEADER',
      ).argParser(collect),
    )
    .addOption(
      envOption(
        '--disable-back-to-source',
        'Fail rather than ask the origin from this host',
        'DFGET_DISABLE_BACK_TO_SOURCE',
      ),
    )
    .addOption(envOption('-p, --priority <level>', '0 to 6', 'DFGET_PRIORITY').default('6'))
    .addOption(envOption('--no-progress', 'Print errors only', 'DFGET_NO_PROGRESS'))
    .addOption(
      envOption(
        '-e, --endpoint <endpoint>',
        'Daemon to use: path of its download socket',
        'DFGET_ENDPOINT',
      ),
    )
}

function addIdentityOptions(command: Command): void {
  command
    .optionsGroup('What makes two downloads the same:')
    .addOption(envOption('--tag <tag>', 'Sets apart downloads of one URL', 'DFGET_TAG'))
    .addOption(envOption('--application <name>', 'Who downloads', 'DFGET_APPLICATION'))
    .addOption(
      envOption(
        '--piece-length <size>',
        '4MiB to 64MiB; default: by the length of the content',
        'DFGET_PIECE_LENGTH',
      ),
    )
    .addOption(
      envOption(
        '--filtered-query-param <name>',
        'Query parameter that does not count; repeatable; default: those of signatures',
        'DFGET_FILTERED_QUERY_PARAM',
      ).argParser(collectList),
    )
    .addOption(
      envOption(
        '--content-for-calculating-task-id <id>',
        'Only this text counts',
        'DFGET_CONTENT_FOR_CALCULATING_TASK_ID',
      ),
    )
}

function addDirectoryOptions(command: Command): void {
  command
    .optionsGroup('Directories (not in this version):')
    .addOption(envOption('-r, --recursive', 'Download a directory', 'DFGET_RECURSIVE'))
    .addOption(
      envOption(
        '-I, --include-files <glob>',
        'Only these files; repeatable',
        'DFGET_INCLUDE_FILES',
      ).argParser(collect),
    )
    .addOption(envOption('--max-files <count>', 'Fail when there are more', 'DFGET_MAX_FILES'))
    .addOption(
      envOption(
        '--max-concurrent-requests <count>',
        'Files at a time',
        'DFGET_MAX_CONCURRENT_REQUESTS',
      ),
    )
}

function addOwnOptions(command: Command): void {
  command
    .optionsGroup('Only in Damselfly:')
    .addOption(envOption('--range <range>', 'Only these bytes: 0-99, 100- or -100', 'DFGET_RANGE'))
    .addOption(envOption('--json', 'Progress as JSON lines on standard output', 'DFGET_JSON'))
    .addOption(
      envOption(
        '--scheduler <host:port>',
        'Use a daemon of this scheduler, started for it when none runs; repeatable',
        'DAMSELFLY_SCHEDULER',
      ).argParser(collectList),
    )
    .addOption(
      envOption(
        '--data-dir <dir>',
        'Where "damselfly up" and started daemons keep data',
        'DAMSELFLY_HOME',
      ),
    )
    .addOption(new Option('--verbose', 'Say which daemon is used, and all causes of an error'))
    .addOption(
      envOption(
        '-l, --log-level <level>',
        'debug is the same as --verbose',
        'DFGET_LOG_LEVEL',
      ).choices(['trace', 'debug', 'info', 'warn', 'error']),
    )
}
