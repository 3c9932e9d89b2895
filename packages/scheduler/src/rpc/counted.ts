import type { Driver } from '../driver.ts'
import type { CountedCall } from '../metrics.ts'

/** Counts calls of a unary method and those that fail. */
export function counted<I, O>(
  driver: Driver,
  name: CountedCall,
  handle: (request: I) => O,
): (request: I) => O {
  const { total, failures } = driver.metrics.calls[name]
  return (request) => {
    total.inc()
    try {
      return handle(request)
    } catch (error) {
      failures.inc()
      throw error
    }
  }
}
