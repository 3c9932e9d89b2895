import { Experiments } from '@damselfly/api/experiment'
import { Scheduler } from '@damselfly/api/scheduler'
import { Swarm } from '@damselfly/api/swarm'
import { type Routes, route } from '@damselfly/rpc'
import type { Driver } from '../driver.ts'
import { announceHost } from './announce-host.ts'
import { announcePeer } from './announce-peer.ts'
import { deleteHost } from './delete-host.ts'
import { deletePeer } from './delete-peer.ts'
import { deleteTask } from './delete-task.ts'
import { dumpSwarm } from './dump-swarm.ts'
import { experimentsService } from './experiments.ts'
import { follow } from './follow.ts'
import { listHosts } from './list-hosts.ts'
import { pieceDigests } from './piece-digests.ts'
import { resolveTask } from './resolve-task.ts'
import { statPeer } from './stat-peer.ts'
import { statTask } from './stat-task.ts'

/** What the scheduler serves; every other method answers UNIMPLEMENTED. */
export function services(driver: Driver): Routes {
  return [
    route(Scheduler, {
      announceHost: announceHost(driver),
      announcePeer: announcePeer(driver),
      deleteHost: deleteHost(driver),
      deletePeer: deletePeer(driver),
      deleteTask: deleteTask(driver),
      listHosts: listHosts(driver),
      statPeer: statPeer(driver),
      statTask: statTask(driver),
    }),
    route(Swarm, {
      resolveTask: resolveTask(driver),
      pieceDigests: pieceDigests(driver),
      follow: follow(driver),
      dumpSwarm: dumpSwarm(driver),
      getLoad: () => ({ peers: driver.core.state.peers.size }),
    }),
    route(Experiments, experimentsService(driver.experiments)),
  ]
}

/** Streams that live as long as a download or a host, whatever `grpc-timeout` says (T3). */
export const longStreams = [
  Scheduler.method.announcePeer,
  Swarm.method.resolveTask,
  Swarm.method.pieceDigests,
  Swarm.method.follow,
]
