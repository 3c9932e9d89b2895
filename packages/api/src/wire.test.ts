import { create, fromBinary, type Message, toBinary, toJson } from '@bufbuild/protobuf'
import type { GenMessage } from '@bufbuild/protobuf/codegenv2'
import { Priority, TaskType, TrafficType } from '@damselfly/api/common'
import { DfdaemonDownload, DfdaemonUpload } from '@damselfly/api/dfdaemon'
import { BackendSchema } from '@damselfly/api/errordetails'
import { Health, HealthCheckResponse_ServingStatus } from '@damselfly/api/health'
import { Manager } from '@damselfly/api/manager'
import {
  AnnouncePeerRequestSchema,
  AnnouncePeerResponseSchema,
  AnnouncePersistentCachePeerRequestSchema,
  Scheduler,
} from '@damselfly/api/scheduler'
import { Swarm } from '@damselfly/api/swarm'
import { describe, expect, it } from 'vitest'

const peer = { hostId: 'h', taskId: 't', peerId: 'p' }
// host_id = 1 "h", task_id = 2 "t", peer_id = 3 "p"
const peerHex = '0a01681201741a0170'

function roundTrip<T extends Message>(schema: GenMessage<T>, message: T): T {
  return fromBinary(schema, toBinary(schema, message))
}

function numbersOf(oneof: { fields: { localName: string; number: number }[] } | undefined) {
  return Object.fromEntries(oneof?.fields.map((field) => [field.localName, field.number]) ?? [])
}

describe('AnnouncePeerRequest', () => {
  it('survives a round trip with everything a register carries', () => {
    const request = create(AnnouncePeerRequestSchema, {
      ...peer,
      request: {
        case: 'registerPeerRequest',
        value: {
          download: {
            url: 'https://example.com/file?sig=1',
            type: TaskType.STANDARD,
            priority: Priority.LEVEL6,
            filteredQueryParams: ['sig'],
            requestHeader: { accept: '*/*' },
            range: { start: 0n, length: 2n ** 53n + 1n },
            actualPieceLength: 4_194_304n,
            actualContentLength: 8_388_609n,
            actualPieceCount: 3n,
            metadataOnly: true,
          },
        },
      },
    })

    expect(roundTrip(AnnouncePeerRequestSchema, request)).toEqual(request)
  })

  it('survives a round trip with a finished piece', () => {
    const request = create(AnnouncePeerRequestSchema, {
      ...peer,
      request: {
        case: 'downloadPieceFinishedRequest',
        value: {
          piece: {
            number: 1,
            parentId: 'parent',
            offset: 4_194_304n,
            length: 4_194_304n,
            digest: 'crc32:1475635037',
            trafficType: TrafficType.REMOTE_PEER,
            cost: { seconds: 1n, nanos: 5 },
            createdAt: { seconds: 1_700_000_000n },
          },
        },
      },
    })

    expect(roundTrip(AnnouncePeerRequestSchema, request)).toEqual(request)
  })

  it('is laid out as Dragonfly lays it out', () => {
    const started = create(AnnouncePeerRequestSchema, {
      ...peer,
      request: { case: 'downloadPeerStartedRequest', value: {} },
    })
    const failedPiece = create(AnnouncePeerRequestSchema, {
      ...peer,
      request: {
        case: 'downloadPieceFailedRequest',
        value: { pieceNumber: 0, parentId: 'q', temporary: true },
      },
    })

    expect(hex(toBinary(AnnouncePeerRequestSchema, started))).toBe(`${peerHex}2a00`)
    // piece_number 0 is written, because it is optional and set
    expect(hex(toBinary(AnnouncePeerRequestSchema, failedPiece))).toBe(
      `${peerHex}720708001201711801`,
    )
  })

  it('numbers its requests as Dragonfly does', () => {
    expect(numbersOf(AnnouncePeerRequestSchema.oneofs[0])).toEqual({
      registerPeerRequest: 4,
      downloadPeerStartedRequest: 5,
      downloadPeerBackToSourceStartedRequest: 6,
      reschedulePeerRequest: 7,
      downloadPeerFinishedRequest: 8,
      downloadPeerBackToSourceFinishedRequest: 9,
      downloadPeerFailedRequest: 10,
      downloadPeerBackToSourceFailedRequest: 11,
      downloadPieceFinishedRequest: 12,
      downloadPieceBackToSourceFinishedRequest: 13,
      downloadPieceFailedRequest: 14,
      downloadPieceBackToSourceFailedRequest: 15,
    })
    expect(numbersOf(AnnouncePeerResponseSchema.oneofs[0])).toEqual({
      emptyTaskResponse: 1,
      normalTaskResponse: 2,
      needBackToSourceResponse: 3,
      metadataOnlyResponse: 4,
    })
  })
})

it('numbers the requests about persistent cache tasks differently', () => {
  expect(numbersOf(AnnouncePersistentCachePeerRequestSchema.oneofs[0])).toEqual({
    registerPersistentCachePeerRequest: 4,
    downloadPersistentCachePeerStartedRequest: 5,
    reschedulePersistentCachePeerRequest: 6,
    downloadPersistentCachePeerFinishedRequest: 7,
    downloadPersistentCachePeerFailedRequest: 8,
    downloadPieceFinishedRequest: 9,
    downloadPieceFailedRequest: 10,
  })
})

it('keeps a field it does not know when a candidate parent is echoed', () => {
  // candidate_parents[0] = { id: "p", field 99: "x" } inside normal_task_response
  const unknown = Buffer.from('1209' + '0a07' + '0a0170' + '9a060178', 'hex')

  const message = fromBinary(AnnouncePeerResponseSchema, unknown)

  expect(hex(toBinary(AnnouncePeerResponseSchema, message))).toBe(hex(unknown))
})

it('writes the origin error with the names that travel as status details', () => {
  const backend = create(BackendSchema, {
    message: 'no',
    header: { 'content-type': 'text/plain' },
    statusCode: 404,
  })

  expect(toJson(BackendSchema, backend, { useProtoFieldName: true })).toEqual({
    message: 'no',
    header: { 'content-type': 'text/plain' },
    status_code: 404,
  })
})

it('has every service under its name on the wire', () => {
  const services = [DfdaemonDownload, DfdaemonUpload, Health, Manager, Scheduler, Swarm]

  expect(services.map((service) => service.typeName)).toEqual([
    'dfdaemon.v2.DfdaemonDownload',
    'dfdaemon.v2.DfdaemonUpload',
    'grpc.health.v1.Health',
    'manager.v2.Manager',
    'scheduler.v2.Scheduler',
    'damselfly.v1.Swarm',
  ])
  expect(Swarm.method.resolveTask.methodKind).toBe('bidi_streaming')
  expect(HealthCheckResponse_ServingStatus.SERVING).toBe(1)
})

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
