import { isAbort } from '@damselfly/core'
import type { Source } from '@damselfly/sources'
import type { DaemonMetrics } from './metrics.ts'

type Counters = Pick<DaemonMetrics, 'backendRequests' | 'backendFailures'>

/** Counts what is asked of an origin, under the methods of Dragonfly's backends, and what it does not answer well. */
export function countedSource(source: Source, counters: Counters): Source {
  const counted = async <T>(
    labels: { scheme: string; method: 'HEAD' | 'GET' },
    ask: () => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> => {
    counters.backendRequests.inc(labels)
    try {
      return await ask()
    } catch (error) {
      if (signal?.aborted !== true && !isAbort(error)) counters.backendFailures.inc(labels)
      throw error
    }
  }
  // A source is only asked for its own schemes, so the label is bounded.
  const scheme = ({ protocol }: URL): string => protocol.slice(0, -1)
  return {
    schemes: source.schemes,
    stat: (request, options) =>
      counted(
        { scheme: scheme(request.url), method: 'HEAD' },
        () => source.stat(request, options),
        options.signal,
      ),
    read: (request, options) =>
      counted(
        { scheme: scheme(request.url), method: 'GET' },
        () => source.read(request, options),
        options.signal,
      ),
    close: () => source.close(),
  }
}
