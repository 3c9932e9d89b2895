import { existsSync } from 'node:fs'
import { create } from '@bufbuild/protobuf'
import { DownloadSchema } from '@damselfly/api/common'
import { DfdaemonDownload, DfdaemonUpload, type SyncPiecesResponse } from '@damselfly/api/dfdaemon'
import { Health, HealthCheckResponse_ServingStatus as Serving } from '@damselfly/api/health'
import { openChannel, type RpcChannel } from '@damselfly/rpc'
import {
  type Constellation,
  type Member,
  type Origin,
  startConstellation,
  startOrigin,
} from '@damselfly/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

// What other hosts and schedulers see of a daemon.

const MiB = 1024 * 1024
let origin: Origin
let swarm: Constellation
let member: Member
let remote: RpcChannel
let local: RpcChannel

beforeAll(async () => {
  origin = await startOrigin()
})
afterAll(() => origin.stop())
beforeEach(async () => {
  swarm = await startConstellation({ scheduler: false, peers: 1 })
  member = swarm.peers[0]!
  remote = openChannel(member.daemon.endpoints.grpc)
  local = openChannel({ path: member.daemon.endpoints.socketPath })
})
afterEach(async () => {
  remote.close()
  local.close()
  await swarm.stop()
})

let files = 0
const publish = (sizeBytes: number): string => {
  files += 1
  return origin.put(`/f${files}`, { sizeBytes, seed: files })
}

const sync = (taskId: string, interestedPieceNumbers: number[]) =>
  remote.client(DfdaemonUpload).syncPieces({ hostId: 'child', taskId, interestedPieceNumbers })

async function collect(stream: AsyncIterable<SyncPiecesResponse>): Promise<SyncPiecesResponse[]> {
  const all: SyncPiecesResponse[] = []
  for await (const message of stream) all.push(message)
  return all
}

describe('SyncPieces', () => {
  it('names every interested piece that is here, with an address to fetch it from (T7), and ends', async () => {
    const { taskId } = await member.download(publish(9 * MiB))
    const pieces = await collect(sync(taskId, [0, 2]))
    const { host, port } = member.daemon.endpoints.pieces
    expect(pieces).toMatchObject([
      { number: 0, offset: 0n, length: BigInt(4 * MiB), ip: host, tcpPort: port },
      { number: 2, offset: BigInt(8 * MiB), length: BigInt(MiB), ip: host, tcpPort: port },
    ])
  })

  it('ends when what is missing will not come, instead of keeping the child waiting', async () => {
    const { taskId } = await member.download(publish(9 * MiB), { range: { start: 0, length: 1 } })
    expect((await collect(sync(taskId, [0, 1, 2, 99]))).map(({ number }) => number)).toEqual([0])
  })

  it('tells of pieces as they arrive', async () => {
    const url = publish(12 * MiB)
    origin.misbehave(`/f${files}`, { kind: 'slow', bytesPerSec: 30 * MiB })
    const told = Promise.withResolvers<SyncPiecesResponse[]>()
    await member.download(url, {
      onMessage: ({ taskId, response }) => {
        if (response.case === 'downloadTaskStartedResponse') {
          collect(sync(taskId, [0, 1, 2])).then(told.resolve, told.reject)
        }
      },
    })
    expect((await told.promise).map(({ number }) => number).sort()).toEqual([0, 1, 2])
  })

  it('says that a task is unknown', async () => {
    await expect(collect(sync('f'.repeat(64), [0]))).rejects.toMatchObject({ code: 'TaskNotFound' })
  })
})

describe('the upload API', () => {
  it('streams the network load until the child leaves', async () => {
    const controller = new AbortController()
    for await (const host of remote
      .client(DfdaemonUpload)
      .syncHost({}, { signal: controller.signal })) {
      expect(host.network?.maxTxBandwidth).toBe(400_000_000_000n)
      break
    }
  })

  it('downloads on behalf of a scheduler but never writes where the network says', async () => {
    const outputPath = member.output('planted')
    const download = create(DownloadSchema, { url: publish(MiB), outputPath })
    const cases: (string | undefined)[] = []
    for await (const { response } of remote.client(DfdaemonUpload).downloadTask({ download })) {
      cases.push(response.case)
    }
    expect(cases).toEqual(['downloadTaskStartedResponse', 'downloadPieceFinishedResponse'])
    expect(existsSync(outputPath)).toBe(false)
  })

  it('describes and deletes tasks', async () => {
    const client = remote.client(DfdaemonUpload)
    const { taskId } = await member.download(publish(5 * MiB))
    const stat = await client.statLocalTask({ taskId })
    expect(stat).toMatchObject({
      taskId,
      contentLength: BigInt(5 * MiB),
      pieceLength: BigInt(4 * MiB),
    })
    expect(stat.finishedAt).toBeDefined()
    await client.deleteTask({ taskId })
    await expect(client.statLocalTask({ taskId })).rejects.toMatchObject({ code: 'TaskNotFound' })
    await expect(client.deleteTask({ taskId })).rejects.toMatchObject({ code: 'TaskNotFound' })
  })

  it('answers UNIMPLEMENTED to what is not there yet', async () => {
    const call = remote.client(DfdaemonUpload).statPersistentTask({})
    await expect(call).rejects.toMatchObject({ code: 'Unimplemented' })
  })
})

describe('the local API', () => {
  it('lists what is stored and sends content over the socket when asked (T5)', async () => {
    const url = publish(9 * MiB)
    await member.download(url)
    const client = local.client(DfdaemonDownload)
    const { tasks } = await client.listLocalTasks({})
    expect(tasks).toHaveLength(1)
    const download = create(DownloadSchema, { url, needPieceContent: true })
    let bytes = 0
    for await (const { response } of client.downloadTask({ download })) {
      if (response.case === 'downloadPieceFinishedResponse') {
        bytes += response.value.piece?.content?.byteLength ?? 0
      }
    }
    expect(bytes).toBe(9 * MiB)
  })

  it('gives up when the time that the caller allows is over', async () => {
    const url = publish(9 * MiB)
    origin.misbehave(`/f${files}`, { kind: 'hangAfterHeaders', method: 'GET' })
    const download = {
      timeout: { $typeName: 'google.protobuf.Duration' as const, seconds: 0n, nanos: 300_000_000 },
    }
    await expect(member.download(url, { download })).rejects.toMatchObject({
      code: 'Timeout',
      message: expect.stringContaining('300ms'),
    })
  })

  it('hands the origin’s refusal through with status and headers (T6)', async () => {
    const url = publish(MiB)
    origin.misbehave(`/f${files}`, { kind: 'status', code: 403, header: { 'x-why': 'no' } })
    await expect(member.download(url)).rejects.toMatchObject({
      code: 'SourceRefused',
      details: { statusCode: 403, header: { 'x-why': 'no' } },
    })
  })
})

describe('health and metrics', () => {
  it('answers gRPC health on both servers under Dragonfly’s names', async () => {
    const status = Serving.SERVING
    const ask = (channel: RpcChannel, service: string) => channel.client(Health).check({ service })
    expect(await ask(remote, '')).toMatchObject({ status })
    expect(await ask(remote, 'dfdaemon.v2.DfdaemonUpload')).toMatchObject({ status })
    expect(await ask(local, 'dfdaemon.v2.DfdaemonDownload')).toMatchObject({ status })
  })

  it('answers HTTP health and counts under Dragonfly’s metric names', async () => {
    await member.download(publish(MiB))
    const { health, metrics } = member.daemon.endpoints
    const at = ({ host, port }: { host: string; port: number }, path: string) =>
      fetch(`http://${host}:${port}${path}`)
    expect((await at(health, '/healthy')).status).toBe(200)
    expect((await at(health, '/other')).status).toBe(404)
    const text = await (await at(metrics, '/metrics')).text()
    expect(text).toContain('dragonfly_client_download_task_total{type="0",priority="6"} 1')
    expect(text).toContain(`dragonfly_client_download_traffic{type="BACK_TO_SOURCE"} ${MiB}`)
    expect(text).toMatch(/dragonfly_client_disk_space_total \d+/)
  })
})
