import { basename, dirname, join } from 'node:path'
import { DfError, type Disk, type DiskFile, errorCode, systemRandom } from '@damselfly/core'
import { diskError } from '../disk-errors.ts'
import type { CrashPoint } from '../engine/crash-points.ts'
import type { ContentCopy, ExportMethod, ExportOptions, ExportRange, TaskSpec } from '../store.ts'

const copyBufferBytes = 1024 * 1024

/** Content to be put somewhere else. */
export interface ExportContent {
  /** The file that is the whole content; without one it can only be copied. */
  readonly file?: string
  readonly range: ExportRange
  /** The range is all of the content. */
  readonly isWhole: boolean
  /** Throws when a piece of the range is not here any more. */
  checkHeld(): void
  read(buffer: Uint8Array, offset: number): Promise<number>
}

export interface ExportDeps {
  readonly disk: Disk
  readonly crash: CrashPoint
}

/**
 * Puts content at `path`, all or nothing: a hard link where the output is on the same file system, else a reflink, else a
 * copy. Both copies are made under a temporary name beside the output, which no outcome leaves behind. Without
 * `overwrite` the output appears by an operation that fails when somebody else's file has come first.
 */
export async function exportFile(
  content: ExportContent,
  path: string,
  options: ExportOptions,
  deps: ExportDeps,
): Promise<ExportMethod> {
  options.signal?.throwIfAborted()
  if (options.forceHardLink && !content.isWhole) {
    throw new DfError(
      'InvalidArgument',
      'A part of a file cannot be a hard link: drop the range or the demand for one.',
    )
  }
  try {
    await checkOutput(path, options, deps.disk)
    options.signal?.throwIfAborted()
    if (content.isWhole && (await linkOutput(content, path, options, deps))) return 'link'
    await copyOutput(content, path, options, deps)
    return 'copy'
  } catch (error) {
    if (options.signal?.aborted === true && error === options.signal.reason) throw error
    throw outputError(error, path)
  }
}

/** The bytes to export; all without a range. */
export function rangeOf(
  { taskId, contentLength }: TaskSpec,
  options: ExportOptions,
): ExportContent['range'] {
  const { start, length } = options.range ?? { start: 0, length: contentLength }
  const areWhole = Number.isSafeInteger(start) && Number.isSafeInteger(length)
  if (areWhole && start >= 0 && length >= 0 && start + length <= contentLength) {
    return { start, length }
  }
  const message = `${length} bytes from ${start} are not inside the ${contentLength} bytes of task ${taskId}.`
  throw new DfError('InvalidArgument', message)
}

async function checkOutput(path: string, options: ExportOptions, disk: Disk): Promise<void> {
  const output = await disk.stat(path)
  if (output?.isDirectory === true) {
    const message = `The output ${path} is a directory. Name a file in it.`
    throw new DfError('OutputExists', message, { details: { path } })
  }
  if (output !== undefined && !options.overwrite) throw outputExists(path)
  const parent = await disk.stat(dirname(path))
  if (parent?.isDirectory === true) return
  const message = `The output ${path} cannot be written: ${dirname(path)} is not a directory. Create it first.`
  throw new DfError('OutputUnwritable', message, { details: { path } })
}

/** False when a copy has to do. */
async function linkOutput(
  content: ExportContent,
  path: string,
  options: ExportOptions,
  { disk, crash }: ExportDeps,
): Promise<boolean> {
  const { file } = content
  if (file === undefined) {
    if (options.forceHardLink) throw noHardLink(path, 'its bytes are no file of their own')
    return false
  }
  await disk.setWritable(file, false)
  crash('export:before-link')
  try {
    if (options.overwrite) await linkOver(file, path, { disk, crash })
    else await disk.link(file, path)
    crash('export:after-link')
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw outputExists(path)
    if (options.forceHardLink) {
      throw noHardLink(path, error instanceof Error ? error.message : String(error), error)
    }
    if (isLinkRefused(error)) return false
    throw error
  }
  try {
    // A piece that was dropped meanwhile will be written again, and not into somebody's output.
    content.checkHeld()
    return true
  } catch (error) {
    await removeTemporary(path, disk)
    throw error
  }
}

async function linkOver(file: string, path: string, { disk, crash }: ExportDeps): Promise<void> {
  const temporary = temporaryName(path)
  await disk.link(file, temporary)
  try {
    crash('export:after-temporary-link')
    await disk.rename(temporary, path)
    crash('export:after-rename')
  } finally {
    // Also after success: POSIX rename of one link onto another link of the same file does nothing and leaves both.
    await removeTemporary(temporary, disk)
  }
}

async function copyOutput(
  content: ExportContent,
  path: string,
  options: ExportOptions,
  { disk, crash }: ExportDeps,
): Promise<void> {
  const temporary = temporaryName(path)
  try {
    const isCloned =
      content.isWhole && content.file !== undefined && (await disk.clone(content.file, temporary))
    crash('export:copy-begun')
    if (isCloned) await disk.setWritable(temporary, true)
    else await copyBytes(content, { path: temporary, name: path }, options, disk)
    crash('export:copied')
    options.signal?.throwIfAborted()
    await placeCopy(temporary, path, options, disk)
    crash('export:copy-placed')
  } finally {
    await removeTemporary(temporary, disk)
  }
}

async function copyBytes(
  content: ExportContent,
  { path, name }: Pick<ContentCopy, 'path' | 'name'>,
  { copier, signal }: ExportOptions,
  disk: Disk,
): Promise<void> {
  const { range } = content
  const file = await disk.open(path, 'wx+')
  const copyHere = (part: ExportRange): Promise<void> => copyInTurns(content, part, file, signal)
  try {
    if (copier === undefined) await copyHere(range)
    else await copier({ range, path, name, copyHere }, signal)
    // A piece that was dropped meanwhile may have been copied before that.
    content.checkHeld()
  } finally {
    await file.close()
  }
}

/** In steps, so that it can be aborted and other work gets its turn in the thread pool. */
async function copyInTurns(
  content: ExportContent,
  { start, length }: ExportRange,
  file: DiskFile,
  signal: AbortSignal | undefined,
): Promise<void> {
  const buffer = new Uint8Array(Math.min(copyBufferBytes, length))
  let done = 0
  while (done < length) {
    signal?.throwIfAborted()
    const count = await content.read(buffer.subarray(0, length - done), start + done)
    await file.write(buffer.subarray(0, count), start - content.range.start + done)
    done += count
  }
}

async function placeCopy(
  temporary: string,
  path: string,
  options: ExportOptions,
  disk: Disk,
): Promise<void> {
  if (options.overwrite) {
    await disk.rename(temporary, path)
    return
  }
  try {
    // A link never replaces what is there, a rename would.
    await disk.link(temporary, path)
  } catch (error) {
    if (!isLinkRefused(error)) throw error
    if ((await disk.stat(path)) !== undefined) throw outputExists(path)
    await disk.rename(temporary, path)
  }
}

async function removeTemporary(path: string, disk: Disk): Promise<void> {
  try {
    await disk.remove(path)
  } catch {
    // What went before says more: either the output is there, or another error tells why not.
  }
}

/** Hidden, in the same directory, and never too long for a name of 255 bytes. */
function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path).slice(0, 60)}.${systemRandom.uuid()}.part`)
}

/** Another file system, one without hard links, too many links, or the kernel's protected_hardlinks. */
function isLinkRefused(error: unknown): boolean {
  const code = errorCode(error)
  return (
    code !== undefined &&
    ['EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'ENOENT'].includes(code)
  )
}

function noHardLink(path: string, why: string, cause?: unknown): DfError {
  const message = `The output ${path} cannot be a hard link to the store: ${why}. Choose an output on the store's file system or allow a copy.`
  return new DfError('OutputUnwritable', message, { cause, details: { path } })
}

function outputExists(path: string): DfError {
  const message = `The output ${path} exists. Remove it, choose another name, or ask to overwrite it.`
  return new DfError('OutputExists', message, { details: { path } })
}

const unwritableCodes = [
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'ENAMETOOLONG',
  'ELOOP',
  'EINVAL',
]

function outputError(thrown: unknown, path: string): DfError {
  const code = errorCode(thrown)
  if (code === 'EEXIST') return outputExists(path)
  if (code === undefined || !unwritableCodes.includes(code)) {
    return diskError(thrown, 'Writing the output', path)
  }
  const reason = thrown instanceof Error ? thrown.message : String(thrown)
  const message = `The output ${path} cannot be written: ${reason}. Choose a directory that may be written.`
  return new DfError('OutputUnwritable', message, { cause: thrown, details: { path } })
}
