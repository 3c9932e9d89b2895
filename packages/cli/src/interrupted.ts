const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

export type StopSignal = keyof typeof exitCodes

/** Why everything under way is to end: somebody pressed Ctrl-C or asked the process to terminate. */
export class Interrupted extends Error {
  /** The name by which every package knows an abort from a failure. */
  override readonly name = 'AbortError'
  readonly stopSignal: StopSignal

  constructor(stopSignal: StopSignal) {
    super(`interrupted by ${stopSignal}`)
    this.stopSignal = stopSignal
  }

  get exitCode(): number {
    return exitCodes[this.stopSignal]
  }
}
