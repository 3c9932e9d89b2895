/** What `npm run sim -- NAME` does. */
export interface Command {
  readonly name: string
  /** How it is called, then what it does. */
  readonly usage: string
  /** Returns the exit code: 1 when something that has to hold does not. */
  run(args: readonly string[], out: Output): Promise<number>
}

export interface Output {
  /** The result; the only thing on standard output. */
  print(text: string): void
  /** How far it is. */
  note(text: string): void
}

/** The command line does not say what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A whole number from 1. */
export function positiveInteger(text: string, option: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new UsageError(`${option} must be a whole number from 1, not "${text}".`)
}
