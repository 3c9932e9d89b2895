import { create } from '@bufbuild/protobuf'
import { DownloadSchema, Priority, TrafficType } from '@damselfly/api/common'
import { DfdaemonDownload } from '@damselfly/api/dfdaemon'
import { openChannel } from '@damselfly/rpc'

export interface DownloadManyOptions {
  /** How many run at a time. */
  readonly inFlight: number
  readonly signal: AbortSignal
}

export interface Downloaded {
  readonly taskIds: readonly string[]
  /** Bytes that came from other hosts, and not from the origin. */
  readonly bytesFromPeers: number
}

/** Downloads many files through a daemon's socket by one connection; the first failure ends it. */
export async function downloadMany(
  socketPath: string,
  files: readonly { readonly url: string; readonly outputPath: string }[],
  { inFlight, signal }: DownloadManyOptions,
): Promise<Downloaded> {
  using channel = openChannel({ path: socketPath }, { unavailable: 'DaemonUnavailable' })
  const client = channel.client(DfdaemonDownload)
  const taskIds: string[] = []
  let bytesFromPeers = 0
  await forEach(files, inFlight, async ({ url, outputPath }) => {
    const download = create(DownloadSchema, { url, outputPath, priority: Priority.LEVEL6 })
    let taskId = ''
    for await (const message of client.downloadTask({ download }, { signal })) {
      taskId = message.taskId
      const { response } = message
      if (response.case !== 'downloadPieceFinishedResponse') continue
      const { piece } = response.value
      if (piece?.trafficType === TrafficType.REMOTE_PEER) bytesFromPeers += Number(piece.length)
    }
    taskIds.push(taskId)
  })
  return { taskIds, bytesFromPeers }
}

/** Lets a daemon forget tasks and their bytes. */
export async function forgetMany(
  socketPath: string,
  taskIds: readonly string[],
  { inFlight }: DownloadManyOptions,
): Promise<void> {
  using channel = openChannel({ path: socketPath }, { unavailable: 'DaemonUnavailable' })
  const client = channel.client(DfdaemonDownload)
  await forEach(taskIds, inFlight, async (taskId) => {
    await client.deleteTask({ taskId })
  })
}

/** In order, that many at a time; rejects with the first failure. */
export async function forEach<T>(
  items: Iterable<T>,
  inFlight: number,
  action: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) await action(next.value)
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
}
