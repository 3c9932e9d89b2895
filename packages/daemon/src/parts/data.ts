import { availableParallelism } from 'node:os'
import type { ServiceStack } from '@damselfly/core'
import type { SourceRegistry } from '@damselfly/sources'
import type { DaemonConfig } from '../config.ts'
import type { DataPlane } from '../data/data-plane.ts'
import { InlinePlane } from '../data/inline-plane.ts'
import { originSources } from '../data/origin-sources.ts'
import type { OriginSettings } from '../data/thread-methods.ts'
import { ThreadedPlane } from '../data/threaded-plane.ts'
import type { World } from './world.ts'

/** More threads than this gain nothing between two hosts, and one costs some 15 MB. */
const maxReceiveThreads = 4
const connectMs = 2_000

/** Chooses where bytes flow: on threads of their own, unless the configuration says otherwise. */
export function startDataPlane(
  config: DaemonConfig,
  world: World,
  stack: ServiceStack,
): { data: DataPlane; sources: SourceRegistry } {
  const origins = originSettings(config)
  const sources = originSources(origins, world)
  stack.push('sources', () => sources.close())
  const links = { connectMs, idleMs: config.download.pieceIdleTimeout }
  const settings = { origins, links }
  const inline = new InlinePlane(links, { ...world, sources })
  // The other half of the cores sends, and does everything else.
  const usual = Math.min(Math.ceil(availableParallelism() / 2), maxReceiveThreads)
  const receiveThreads = config.transfer.threads ?? usual
  const data =
    receiveThreads === 0
      ? inline
      : new ThreadedPlane({ receiveThreads, settings }, { ...world, inline })
  stack.push('data plane', () => data.close())
  return { data, sources }
}

function originSettings({ backend }: DaemonConfig): OriginSettings {
  return {
    maxRetries: backend.maxRetries,
    timeouts: {
      connectMs: backend.connectTimeout,
      headersMs: backend.headersTimeout,
      idleMs: backend.idleTimeout,
    },
  }
}
