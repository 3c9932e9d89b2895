/** The part of a pino logger that the code uses: a constant message, the data in an object. */
export interface Log {
  trace: LogMethod
  debug: LogMethod
  info: LogMethod
  warn: LogMethod
  error: LogMethod
  isLevelEnabled(level: string): boolean
  child(bindings: Record<string, unknown>): Log
}

interface LogMethod {
  (data: object, message?: string): void
  (message: string): void
}

const nothing = (): void => {}

/** A log that writes nothing. */
export const silentLog: Log = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  isLevelEnabled: () => false,
  child: () => silentLog,
}
