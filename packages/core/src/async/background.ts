import { isAbort } from '../errors/df-error.ts'
import type { Log } from '../observe/log.ts'

/** Lets a promise run on its own. Its failure is logged, unless it was aborted. */
export function background(name: string, promise: Promise<unknown>, log: Log): void {
  promise.catch((err: unknown) => {
    if (!isAbort(err)) log.warn({ task: name, err }, 'background work failed')
  })
}
