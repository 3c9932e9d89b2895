/** Where text goes; what Node's streams and a test's list have in common. */
export interface Output {
  write(text: string): unknown
}

/** The world of a command. Only src/main makes it of the real process. */
export interface Io {
  readonly stdout: Output
  readonly stderr: Output
  /** Standard error is a terminal, so progress may be drawn over. */
  readonly isTty: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Width of the terminal at this moment; 80 when there is none. */
  readonly columns: number
}

export interface CommandContext {
  readonly io: Io
  /** Aborts at the first SIGINT or SIGTERM, with an `Interrupted`. */
  readonly signal: AbortSignal
  /** Program and arguments that start a daemon of this installation. */
  readonly daemonCommand: readonly string[]
}
