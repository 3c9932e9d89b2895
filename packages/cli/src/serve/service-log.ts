import { join } from 'node:path'
import type { Log } from '@damselfly/core'
import { createLog, type LogLevel } from '@damselfly/core/log'

export interface LogFlags {
  readonly logLevel: LogLevel
  readonly logDir?: string
  readonly console?: boolean
}

/** To `<log dir>/<program>.log`, or to standard error without a directory or with --console. */
export function serviceLog(program: string, { logLevel, logDir, console }: LogFlags): Log {
  const isFile = logDir !== undefined && logDir !== '' && console !== true
  return createLog({ level: logLevel, ...(isFile ? { file: join(logDir, `${program}.log`) } : {}) })
}
