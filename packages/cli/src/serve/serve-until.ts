import type { Running } from '@damselfly/core'

/** Waits until the service is asked to end, wants to end, or dies; then stops it. Rejects when it died. */
export async function serveUntil(
  service: Running,
  signal: AbortSignal,
  idle: Promise<void> = new Promise(() => {}),
): Promise<void> {
  const asked = Promise.withResolvers<string>()
  const onAbort = (): void => asked.resolve(String(signal.reason))
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  try {
    const reason = await Promise.race([
      asked.promise,
      idle.then(() => 'idle'),
      service.closed.then(() => 'closed'),
    ])
    await service.stop(reason)
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
