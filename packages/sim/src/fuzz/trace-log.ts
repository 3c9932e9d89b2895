import { type Log, silentLog } from '@damselfly/core'
import type { Trace } from '../virtual/trace.ts'

/** Puts what a program logs between the events of the trace; costs nothing when the trace is not printed. */
export function traceLog(trace: Trace, who: string): Log {
  if (!trace.isPrinted) return silentLog
  const write =
    (level: string) =>
    (data: object | string, message = ''): void =>
      trace.remark(
        who,
        `  ${level} ${typeof data === 'string' ? data : `${message} ${text(data)}`}`,
      )
  const log: Log = {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    isLevelEnabled: () => true,
    child: () => log,
  }
  return log
}

const maxText = 300

function text(data: object): string {
  const plain = JSON.stringify(data, (_key, value: unknown) => {
    if (value instanceof Error) return `${value.name}: ${value.message}`
    return typeof value === 'bigint' ? Number(value) : value
  })
  return plain.length > maxText ? `${plain.slice(0, maxText)}…` : plain
}
