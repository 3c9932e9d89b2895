import { basename, resolve } from 'node:path'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { type DownloadSchema, Priority } from '@damselfly/api/common'
import {
  checkPieceLength,
  DfError,
  defaultFilteredQueryParams,
  parseByteSize,
  parseDigest,
  parseDuration,
  parseRangeHeader,
} from '@damselfly/core'
import type { GetFlags } from './get-flags.ts'

/** A download in the words of the daemon's API. */
export type DownloadInit = MessageInitShape<typeof DownloadSchema>

export interface GetRequest {
  readonly url: string
  /** Absolute. */
  readonly output: string
  readonly download: DownloadInit
  /** Of the whole download, in milliseconds. */
  readonly timeoutMs: number
  /** The output is written here from the content that the daemon sends. */
  readonly isTransfer: boolean
  readonly overwrite: boolean
}

export interface GetArguments {
  readonly url: string
  readonly flags: GetFlags
  /** dfget does not make up a name for the output. */
  readonly isOutputRequired: boolean
}

/** Checks the flags, each with an error that names it, and says what to ask of the daemon. */
export function getRequest(
  { url, flags, isOutputRequired }: GetArguments,
  cwd: string,
): GetRequest {
  refuseDirectories(flags)
  refuseConflicts(flags, namesRange(flags))
  const isTransfer = flags.transferFromDfdaemon === true
  const output = resolve(cwd, outputName(url, flags.output, isOutputRequired))
  const timeoutMs = named('--timeout', () => positive(parseDuration(flags.timeout), flags.timeout))
  return {
    url,
    output,
    timeoutMs,
    isTransfer,
    overwrite: flags.overwrite === true,
    download: {
      url,
      ...optional(flags),
      ...range(flags),
      ...(isTransfer ? { needPieceContent: true } : { outputPath: output }),
      timeout: durationFromMs(timeoutMs),
      priority: priority(flags.priority),
      filteredQueryParams: [...(flags.filteredQueryParam ?? defaultFilteredQueryParams)],
      disableBackToSource: flags.disableBackToSource === true,
      forceHardLink: flags.forceHardLink === true,
      overwrite: flags.overwrite === true,
    },
  }
}

function optional(flags: GetFlags) {
  const { digest, tag, application, pieceLength, contentForCalculatingTaskId } = flags
  if (digest !== undefined) named('--digest', () => parseDigest(digest))
  return {
    ...(digest === undefined ? {} : { digest }),
    ...(tag === undefined ? {} : { tag }),
    ...(application === undefined ? {} : { application }),
    ...(contentForCalculatingTaskId === undefined ? {} : { contentForCalculatingTaskId }),
    ...(pieceLength === undefined ? {} : { pieceLength: pieceLengthOf(pieceLength) }),
  }
}

/** A range with both ends is part of the request; the daemon reads an open one when it knows the length. */
function range(flags: GetFlags) {
  const requestHeader = headers(flags.header ?? [])
  if (flags.range === undefined) return { requestHeader }
  const text = `bytes=${flags.range.replace(/^bytes=/, '')}`
  if (/^bytes=(\d+-|-\d+)$/.test(text)) return { requestHeader: { ...requestHeader, Range: text } }
  const { start, length } = named('--range', () => parseRangeHeader(text, Number.MAX_SAFE_INTEGER))
  return { requestHeader, range: { start: BigInt(start), length: BigInt(length) } }
}

/** A name that comes twice has its last value, as with Dragonfly's dfget. */
function headers(lines: readonly string[]): Record<string, string> {
  const header = new Map<string, [string, string]>()
  for (const line of lines) {
    const match = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(.*?)\s*$/.exec(line)
    const [, name, value] = match ?? []
    if (name === undefined || value === undefined) {
      // The value may be a secret.
      const shown = line.split(':', 1)[0] ?? ''
      throw invalid(`--header: "${shown}" is not a header; write it like -H "Accept: text/plain".`)
    }
    header.set(name.toLowerCase(), [name, value])
  }
  return Object.fromEntries(header.values())
}

function outputName(url: string, output: string | undefined, isRequired: boolean): string {
  const parsed = URL.parse(url)
  if (parsed === null) {
    const shown = url.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//')
    throw invalid(`"${shown}" is not a URL: write it like https://example.com/file.`)
  }
  if (output === '') throw invalid('--output is empty: name the file to write.')
  if (output !== undefined) return output
  if (isRequired) throw invalid('The output is missing: name the file to write with -O FILE.')
  const name = lastSegment(parsed)
  if (name !== undefined) return name
  throw invalid(`The URL does not end in a file name: name the file to write with -O FILE.`)
}

/** What the URL calls the file, when that can be the name of one file in the current directory. */
function lastSegment({ pathname }: URL): string | undefined {
  const encoded = pathname.slice(pathname.lastIndexOf('/') + 1)
  let name = encoded
  try {
    name = decodeURIComponent(encoded)
  } catch {
    // Not UTF-8: the name stays as it is written in the URL.
  }
  const isPlain = name === basename(name) && !name.includes('\0') && !['', '.', '..'].includes(name)
  return isPlain ? name : undefined
}

function refuseDirectories(flags: GetFlags): void {
  if (flags.recursive === true) {
    throw new DfError(
      'Unimplemented',
      'Directories cannot be downloaded yet (--recursive): download the files one by one.',
    )
  }
  const { includeFiles, maxFiles, maxConcurrentRequests } = flags
  const given = {
    '--include-files': includeFiles,
    '--max-files': maxFiles,
    '--max-concurrent-requests': maxConcurrentRequests,
  }
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined)
      throw invalid(`${name} has a meaning with --recursive only: leave it out.`)
  }
}

/** The flag that asks for a part of the file; `undefined` = the whole file. */
function namesRange({ range, header = [] }: GetFlags): string | undefined {
  if (range !== undefined) return '--range'
  return header.some((line) => /^\s*range\s*:/i.test(line)) ? 'the header Range' : undefined
}

function refuseConflicts(flags: GetFlags, rangeFlag: string | undefined): void {
  if (flags.forceHardLink === true && flags.transferFromDfdaemon === true) {
    throw invalid('--force-hard-link and --transfer-from-dfdaemon exclude each other: choose one.')
  }
  if (rangeFlag === undefined) return
  if (flags.forceHardLink === true) {
    throw invalid(
      `--force-hard-link needs the whole file: leave out ${rangeFlag}, or allow a copy.`,
    )
  }
  if (flags.digest !== undefined) {
    throw invalid(`--digest is that of the whole file: leave it out, or leave out ${rangeFlag}.`)
  }
}

const pieceLengthOf = (text: string): bigint =>
  BigInt(named('--piece-length', () => checkPieceLength(parseByteSize(text))))

const levels = new Map<string, Priority>([
  ['0', Priority.LEVEL0],
  ['1', Priority.LEVEL1],
  ['2', Priority.LEVEL2],
  ['3', Priority.LEVEL3],
  ['4', Priority.LEVEL4],
  ['5', Priority.LEVEL5],
  ['6', Priority.LEVEL6],
])

function priority(text: string): Priority {
  const level = levels.get(text)
  if (level !== undefined) return level
  throw invalid(`--priority: "${text}" is not a level from 0 to 6.`)
}

function positive(ms: number, text: string): number {
  if (ms > 0) return ms
  throw invalid(`"${text}" leaves no time at all.`)
}

function named<T>(flag: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new DfError('InvalidArgument', `${flag}: ${DfError.from(error).message}`, {
      cause: error,
    })
  }
}

const invalid = (message: string): DfError => new DfError('InvalidArgument', message)
