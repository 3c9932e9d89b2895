import { DfdaemonDownload, DfdaemonUpload } from '@damselfly/api/dfdaemon'
import { Peer } from '@damselfly/api/peer'
import { Store } from '@damselfly/api/store'
import { type RpcServerOptions, route } from '@damselfly/rpc'
import { collectGarbage } from './collect-garbage.ts'
import type { DaemonContext } from './context.ts'
import { describePeer } from './describe-peer.ts'
import { downloadTask } from './download-task.ts'
import { exchangePieces } from './exchange-pieces.ts'
import { deleteLocalTask, deleteTask, listLocalTasks, statLocalTask } from './local-tasks.ts'
import { statTask } from './stat-task.ts'
import { syncHost } from './sync-host.ts'
import { syncPieces } from './sync-pieces.ts'

type Served = Pick<RpcServerOptions, 'services' | 'health'>

/**
 * Trap T3: Rust children put a ten second grpc-timeout on these, tonic applies it to the beginning of the answer only, and a
 * download's own limit is in its message.
 */
export const longStreams = [
  DfdaemonUpload.method.syncPieces,
  DfdaemonUpload.method.syncHost,
  DfdaemonUpload.method.downloadTask,
  Peer.method.exchange,
  DfdaemonDownload.method.downloadTask,
]

/** What schedulers and other daemons may call. */
export function uploadServices(context: DaemonContext): Served {
  const upload = route(DfdaemonUpload, {
    downloadTask: (request, call) => downloadTask(request, context, { ...call, triggered: true }),
    syncPieces: (request, { signal }) => syncPieces(request, context, signal),
    syncHost: (_request, { signal }) => syncHost(context, signal),
    statTask: ({ taskId }, { signal }) => statTask(taskId, context, signal),
    statLocalTask: ({ taskId }) => statLocalTask(taskId, context),
    deleteTask: async ({ taskId }) => {
      await deleteTask(taskId, context)
      return {}
    },
  })
  const peer = route(Peer, {
    describe: describePeer(context.offer),
    exchange: (messages, { signal }) => exchangePieces(messages, context, signal),
  })
  return { services: [upload, peer], health: [DfdaemonUpload.typeName] }
}

/** What programs of this host may call, over the unix socket. */
export function localServices(context: DaemonContext): Served {
  const local = route(DfdaemonDownload, {
    downloadTask: (request, call) => downloadTask(request, context, { ...call, triggered: false }),
    statTask: ({ taskId }, { signal }) => statTask(taskId, context, signal),
    statLocalTask: ({ taskId }) => statLocalTask(taskId, context),
    listLocalTasks: () => listLocalTasks(context),
    deleteTask: async ({ taskId }) => {
      await deleteTask(taskId, context)
      return {}
    },
    deleteLocalTask: async ({ taskId }) => {
      await deleteLocalTask(taskId, context)
      return {}
    },
    deleteHost: async () => {
      context.metrics.deleteHosts.inc()
      await context.leave()
      return {}
    },
  })
  const store = route(Store, {
    collectGarbage: (request, { signal }) => collectGarbage(request, context, signal),
  })
  return { services: [local, store], health: [DfdaemonDownload.typeName] }
}
