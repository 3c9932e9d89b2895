import type { Log } from '@damselfly/core'

const levels = ['trace', 'debug', 'info', 'warn', 'error'] as const

/** A line of a thread's log, for the control thread to write. */
export interface LogLine {
  readonly level: (typeof levels)[number]
  readonly data: Readonly<Record<string, unknown>>
  readonly message: string
}

/** A log whose lines are written elsewhere. Below `info` nothing is sent: a line a chunk would cost more than the chunk. */
export function forwardedLog(
  write: (line: LogLine) => void,
  bindings: Readonly<Record<string, unknown>> = {},
): Log {
  const method =
    (level: LogLine['level']) =>
    (data: object | string, message = ''): void => {
      if (level === 'trace' || level === 'debug') return
      if (typeof data === 'string') write({ level, data: bindings, message: data })
      else write({ level, data: { ...bindings, ...textual(data) }, message })
    }
  return {
    trace: method('trace'),
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    isLevelEnabled: (level) => !['trace', 'debug'].includes(level),
    child: (more) => forwardedLog(write, { ...bindings, ...textual(more) }),
  }
}

/** Errors and the like do not survive the way to another thread. */
function textual(data: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [
      key,
      typeof value === 'object' && value !== null ? String(value) : value,
    ]),
  )
}
