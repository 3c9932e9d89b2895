import type { Clock, Log, Random } from '@damselfly/core'
import { httpSource, type Source, type SourceRegistry, sourceRegistry } from '@damselfly/sources'
import type { OriginSettings } from './thread-methods.ts'

/** Everything that can be asked for content, on whichever thread. */
export function originSources(
  settings: OriginSettings,
  world: { clock: Clock; random: Random; log: Log; sources?: readonly Source[] },
): SourceRegistry {
  return sourceRegistry([httpSource({ ...settings, ...world }), ...(world.sources ?? [])])
}
