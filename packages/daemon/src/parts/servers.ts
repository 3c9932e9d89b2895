import type { ServiceStack } from '@damselfly/core'
import { startRpcServer } from '@damselfly/rpc'
import type { PieceStore } from '@damselfly/storage'
import type { DaemonConfig } from '../config.ts'
import { startHealth, startMetrics } from '../http/observability.ts'
import type { DaemonContext } from '../rpc/context.ts'
import { localServices, longStreams, uploadServices } from '../rpc/services.ts'
import type { World } from './world.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface Servers {
  readonly grpc: Address
  readonly socketPath: string
  readonly health: Address
  readonly metrics: Address
}

/** Starts what others call: gRPC for schedulers and peers, the local socket, health and metrics. */
export async function startServers(
  config: DaemonConfig,
  world: World,
  stack: ServiceStack,
  { context, store }: { context: DaemonContext; store: PieceStore },
): Promise<Servers> {
  const { socketPath } = config.download.server
  const { ip, port } = config.upload.server
  const { network } = world
  const common = { ...world, longStreams, graceMs: config.shutdown.grace }
  const upload = stack.use(
    'upload server',
    await startRpcServer({ ...common, listen: { host: ip, port }, ...uploadServices(context) }),
  )
  stack.use(
    'local server',
    await startRpcServer({
      ...common,
      lateHeaders: true,
      listen: { path: socketPath },
      ...localServices(context),
    }),
  )
  const health = await startHealth({ ...address(config.health.server), network })
  stack.push('health', () => health.close())
  const { diskTotal, diskUsed, registry } = context.metrics
  const refresh = async (): Promise<void> => {
    const { totalBytes, freeBytes } = await store.space()
    diskTotal.set(totalBytes)
    diskUsed.set(totalBytes - freeBytes)
  }
  const listen = { ...address(config.metrics.server), network }
  const metrics = await startMetrics(listen, registry, refresh)
  stack.push('metrics', () => metrics.close())
  return {
    grpc: { host: ip, port: 'port' in upload.endpoint ? upload.endpoint.port : port },
    socketPath,
    health: { host: health.host, port: health.port },
    metrics: { host: metrics.host, port: metrics.port },
  }
}

function address({ ip, port }: { ip: string; port: number }): Address {
  return { host: ip, port }
}
