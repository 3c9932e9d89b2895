import type { Clock } from '@damselfly/core'

/** How slowly a child may take bytes. */
export interface MinRate {
  readonly bytesPerSec: number
  /** Its rate is taken over so much time that it was waited for. */
  readonly windowMs: number
}

/** What has happened since the beginning. */
export interface RateProgress {
  /** Bytes that the peer has taken. */
  readonly bytes: number
  /** How long it was waited for; time that something else took does not count. */
  readonly waitedMs: number
}

export interface RateWatchOptions extends MinRate {
  readonly progress: () => RateProgress
  /** Called at most once. */
  readonly onSlow: () => void
}

/** A window is cut into this many looks. */
const looks = 4

/** Calls `onSlow` when a peer has taken too few bytes in the time that was waited for it; within two windows. */
export function watchRate(clock: Clock, options: RateWatchOptions): Disposable {
  const { bytesPerSec, windowMs, progress, onSlow } = options
  if (bytesPerSec <= 0) return { [Symbol.dispose]: () => {} }
  let since = progress()
  const look = (): void => {
    const now = progress()
    const waitedMs = now.waitedMs - since.waitedMs
    const isOver = waitedMs >= windowMs
    const isSlow = isOver && (now.bytes - since.bytes) * 1000 < bytesPerSec * waitedMs
    if (isOver) since = now
    if (isSlow) onSlow()
    else cancel = clock.schedule(windowMs / looks, look)
  }
  let cancel = clock.schedule(windowMs / looks, look)
  return { [Symbol.dispose]: () => cancel() }
}
