import pino from 'pino'
import type { Log } from './log.ts'
import { LogFile } from './log-file.ts'
import { redactLine } from './redact.ts'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface LogOptions {
  level: LogLevel
  /** A file that is appended to; standard error when absent. */
  file?: string
}

/** JSON lines to a file or to standard error. A file that cannot be opened is `OutputUnwritable`; later failures cost lines. */
export function createLog(options: LogOptions): Log {
  return pino(
    {
      level: options.level,
      hooks: { streamWrite: redactLine },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    LogFile.open(options.file),
  )
}
