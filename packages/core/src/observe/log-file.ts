import { mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import pino from 'pino'
import { DfError } from '../errors/df-error.ts'
import { errorCode } from '../seams/disk.ts'

const stderrFd = 2
const newline = 0x0a
/** Standard error may be a pipe that does not block: how long its reader gets to make room. */
const fullPipe = { tries: 50, pauseMs: 10 }
const warnLevel = 40

/**
 * Where log lines go, written at once. A line that cannot be written (full disk, closed pipe) is dropped: nothing that a
 * program does for its users may fail because of its log. Standard error hears of the first one, and when writing works
 * again a line in the log says how many are missing.
 */
export class LogFile {
  readonly #fd: number
  readonly #name: string
  #droppedLines = 0
  /** The last thing written is the beginning of a line. */
  #isTorn = false
  #hasComplained = false

  constructor(fd: number, name: string) {
    this.#fd = fd
    this.#name = name
  }

  /** Appends to `path`, whose directory is made when it is missing; standard error without a path. */
  static open(path: string | undefined): LogFile {
    if (path === undefined) return new LogFile(stderrFd, 'standard error')
    try {
      mkdirSync(dirname(path), { recursive: true })
      return new LogFile(openSync(path, 'a'), path)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new DfError(
        'OutputUnwritable',
        `The log file ${path} cannot be opened: ${why}. Log to another directory, or to standard error.`,
        { cause, details: { path } },
      )
    }
  }

  /** Lines since the last one that could be written. */
  get droppedLines(): number {
    return this.#droppedLines
  }

  /** `line` ends with a line break. Never throws. */
  write(line: string): void {
    const bytes = Buffer.from(`${this.#isTorn ? '\n' : ''}${this.#gap()}${line}`)
    const { written, error } = writeAll(this.#fd, bytes, this.#droppedLines > 0 ? 0 : undefined)
    if (written > 0) this.#isTorn = bytes[written - 1] !== newline
    if (error === undefined) this.#droppedLines = 0
    else this.#drop(error)
  }

  #gap(): string {
    if (this.#droppedLines === 0) return ''
    const data = `"droppedLines":${this.#droppedLines},"msg":"log lines could not be written"`
    return `{"level":${warnLevel}${pino.stdTimeFunctions.isoTime()},${data}}\n`
  }

  #drop(error: Error): void {
    this.#droppedLines += 1
    if (this.#hasComplained) return
    this.#hasComplained = true
    const what = `warning: the log cannot be written to ${this.#name}: ${error.message}; lines are dropped until it can.\n`
    writeAll(stderrFd, Buffer.from(what), 0)
  }
}

/** What could be written, and why not all of it. */
function writeAll(
  fd: number,
  bytes: Uint8Array,
  patience: number = fullPipe.tries,
): { written: number; error?: Error } {
  let written = 0
  let triesLeft = patience
  while (written < bytes.byteLength) {
    try {
      written += writeSync(fd, bytes, written)
    } catch (error) {
      if (!(error instanceof Error)) return { written, error: DfError.from(error) }
      if (errorCode(error) !== 'EAGAIN' || triesLeft === 0) return { written, error }
      triesLeft -= 1
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, fullPipe.pauseMs)
    }
  }
  return { written }
}
