/** Hears of what nobody handles while it is not disposed of. */
export function watchRejections(): Disposable & { readonly problems: readonly string[] } {
  const problems: string[] = []
  const onRejection = (reason: unknown): void => {
    problems.push(`A rejection was not handled: ${text(reason)}`)
  }
  const onException = (error: unknown): void => {
    problems.push(`An error was not caught: ${text(error)}`)
  }
  process.on('unhandledRejection', onRejection)
  process.on('uncaughtException', onException)
  return {
    problems,
    [Symbol.dispose]() {
      process.off('unhandledRejection', onRejection)
      process.off('uncaughtException', onException)
    },
  }
}

const text = (reason: unknown): string =>
  reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)
