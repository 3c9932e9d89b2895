import { isAbort } from '@damselfly/core'
import type { Source, SourceRegistry } from '@damselfly/sources'
import type { DataPlane } from './data/data-plane.ts'
import type { DaemonMetrics } from './metrics.ts'

type Counters = Pick<DaemonMetrics, 'backendRequests' | 'backendFailures'>

/** Counts what is asked of an origin, under the methods of Dragonfly's backends, and what it does not answer well. */
export function countedSource(source: Source, counters: Counters): Source {
  return {
    schemes: source.schemes,
    stat: (request, options) =>
      counted(
        counters,
        { url: request.url, method: 'HEAD' },
        () => source.stat(request, options),
        options.signal,
      ),
    read: (request, options) =>
      counted(
        counters,
        { url: request.url, method: 'GET' },
        () => source.read(request, options),
        options.signal,
      ),
    close: () => source.close(),
  }
}

/** The same for whichever source a URL has. */
export function countedSources(sources: SourceRegistry, counters: Counters): SourceRegistry {
  return { ...sources, for: (url) => countedSource(sources.for(url), counters) }
}

/** The same for bodies that the data plane reads. */
export function countedReads(
  data: DataPlane,
  counters: Counters,
): Omit<DataPlane, 'serve' | 'close'> {
  return {
    receive: (order, signal) => data.receive(order, signal),
    hasher: (algorithm) => data.hasher(algorithm),
    copier: (stored) => data.copier(stored),
    readSource: (order, desk, signal) =>
      counted(
        counters,
        { url: order.request.url, method: 'GET' },
        () => data.readSource(order, desk, signal),
        signal,
      ),
  }
}

async function counted<T>(
  counters: Counters,
  { url, method }: { url: URL; method: 'HEAD' | 'GET' },
  ask: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  // A source is only asked for its own schemes, so the label is bounded.
  const labels = { scheme: url.protocol.slice(0, -1), method }
  counters.backendRequests.inc(labels)
  try {
    return await ask()
  } catch (error) {
    if (signal?.aborted !== true && !isAbort(error)) counters.backendFailures.inc(labels)
    throw error
  }
}
