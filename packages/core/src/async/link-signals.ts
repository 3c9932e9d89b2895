import { aborted } from '../errors/aborted.ts'

/**
 * A signal that aborts when any of `signals` does, with the same reason, and that lets go of all of them when
 * disposed: `using linked = linkSignals(a, b)`. `AbortSignal.any` with a process-lifetime signal never lets go
 * (nodejs/node#54614), which leaks a listener per request.
 */
export function linkSignals(...signals: (AbortSignal | undefined)[]): LinkedSignal {
  const controller = new AbortController()
  const sources = signals.filter((s) => s !== undefined)
  const listener = (event: Event): void => {
    controller.abort((event.target as AbortSignal).reason)
  }
  const clear = (): void => {
    for (const s of sources) s.removeEventListener('abort', listener)
  }
  for (const s of sources) {
    if (s.aborted) {
      controller.abort(s.reason)
      break
    }
    s.addEventListener('abort', listener, { once: true })
  }
  return {
    signal: controller.signal,
    abort: (reason = aborted) => controller.abort(reason),
    [Symbol.dispose]: clear,
  }
}

export interface LinkedSignal extends Disposable {
  readonly signal: AbortSignal
  /** Aborts this signal only, not those it is linked to. Default reason: `aborted`. */
  abort(reason?: unknown): void
}
