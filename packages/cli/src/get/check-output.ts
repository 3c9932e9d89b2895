import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { DfError, errorCode } from '@damselfly/core'

/** Says before anything is downloaded that the output cannot be written. The daemon looks again when it writes. */
export async function checkOutput(
  path: string,
  { overwrite }: { overwrite: boolean },
): Promise<void> {
  const kind = await kindOf(path)
  if (kind === 'directory') {
    const example = join(path, 'file')
    throw new DfError(
      'OutputExists',
      `The output ${path} is a directory: name a file in it, such as ${example}.`,
      {
        details: { path },
      },
    )
  }
  if (kind !== undefined && !overwrite) throw outputExists(path)
  if ((await kindOf(dirname(path))) === 'directory') return
  throw new DfError(
    'OutputUnwritable',
    `The output ${basename(path)} cannot be written: there is no directory ${dirname(path)}. Create it, or choose another place.`,
    { details: { path } },
  )
}

export const outputExists = (path: string): DfError =>
  new DfError(
    'OutputExists',
    `The output ${path} exists: remove it, choose another name with -O, or replace it with --overwrite.`,
    { details: { path } },
  )

async function kindOf(path: string): Promise<'directory' | 'other' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'other'
  } catch (cause) {
    const code = errorCode(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new DfError('OutputUnwritable', `The output ${path} cannot be written: ${why}.`, {
      cause,
      details: { path },
    })
  }
}
