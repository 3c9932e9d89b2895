import type { Log } from '../observe/log.ts'
import type { Clock } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'

export interface RepeatingTaskDeps {
  clock: Clock
  random: Random
  log: Log
}

export interface RepeatingTaskOptions {
  name: string
  intervalMs: number
  /** Fraction of the interval by which each wait may differ; 0.1 = plus or minus 10 %. Default 0.1. */
  jitter?: number
  /** Run at once instead of after the first interval. Default false. */
  immediate?: boolean
}

/**
 * Runs `fn` again and again, never twice at a time; a failure is logged and the next run comes as planned.
 * `stop` aborts the signal given to `fn` and waits for it.
 */
export function repeatingTask(
  fn: (signal: AbortSignal) => Promise<void> | void,
  options: RepeatingTaskOptions,
  { clock, random, log }: RepeatingTaskDeps,
): { stop(): Promise<void> } {
  const controller = new AbortController()
  let cancel = (): void => {}
  let current = Promise.resolve()
  const plan = (delayMs: number): void => {
    if (controller.signal.aborted) return
    cancel = clock.schedule(delayMs, () => {
      current = run()
    })
  }
  const run = async (): Promise<void> => {
    try {
      await fn(controller.signal)
    } catch (err) {
      if (!controller.signal.aborted)
        log.warn({ task: options.name, err }, 'background task failed')
    }
    const spread = (random.next() * 2 - 1) * (options.jitter ?? 0.1)
    plan(options.intervalMs * (1 + spread))
  }
  plan(options.immediate === true ? 0 : options.intervalMs)
  return {
    async stop() {
      controller.abort()
      cancel()
      await current
    },
  }
}
