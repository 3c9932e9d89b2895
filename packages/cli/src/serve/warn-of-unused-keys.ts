import type { Log } from '@damselfly/core'
import type { Output } from '../io.ts'

/** Keys of Dragonfly's configuration that are accepted, so that its files load, and do nothing. */
export function warnOfUnusedKeys(keys: readonly string[], stderr: Output, log: Log): void {
  if (keys.length === 0) return
  stderr.write(
    `warning: these configuration keys have no effect in this version: ${keys.join(', ')}\n`,
  )
  log.warn({ keys }, 'configuration keys without effect')
}
