import type { Http2Session } from 'node:http2'
import type { CancelTimer, Clock } from '@damselfly/core'

export interface KeepAliveOptions {
  clock: Clock
  pingIntervalMs: number
  pingTimeoutMs: number
}

/** Sends a PING now and then and destroys a session that leaves one unanswered. The result stops it. */
export function keepAlive(
  session: Http2Session,
  { clock, pingIntervalMs, pingTimeoutMs }: KeepAliveOptions,
): () => void {
  let cancel: CancelTimer
  const plan = (): void => {
    cancel = clock.schedule(pingIntervalMs, ping)
  }
  const ping = (): void => {
    // Its end has not been announced yet.
    if (session.destroyed) return
    cancel = clock.schedule(pingTimeoutMs, () => session.destroy())
    session.ping((err) => {
      cancel()
      if (err === null) plan()
    })
  }
  plan()
  return () => cancel()
}
