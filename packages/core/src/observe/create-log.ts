import pino from 'pino'
import type { Log } from './log.ts'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

/**
 * Keys whose values are never written, in any spelling of upper and lower case and wherever they stand: headers of
 * requests are nested deep, also in the details of errors. Works on the written line, where a key is `"key":`.
 */
const secretPattern =
  /("(?:authorization|proxy-authorization|cookie|set-cookie|password|token|secret)":)(?:"(?:[^"\\]|\\.)*"|\[(?:"(?:[^"\\]|\\.)*",?)*\])/gi

export interface LogOptions {
  level: LogLevel
  /** A file that is appended to; standard error when absent. */
  file?: string
}

/** JSON lines to a file or to standard error. */
export function createLog(options: LogOptions): Log {
  const destination = pino.destination({ dest: options.file ?? 2, sync: true, mkdir: true })
  return pino(
    {
      level: options.level,
      hooks: { streamWrite: (line) => line.replace(secretPattern, '$1"[Redacted]"') },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    destination,
  )
}
