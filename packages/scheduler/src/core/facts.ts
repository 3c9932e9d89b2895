import type { Download, Host } from '@damselfly/api/common'
import type { ByteRange, HostId } from '@damselfly/core'

/** What a daemon announces about itself, as far as decisions need it. */
export interface HostFacts {
  readonly id: HostId
  /** Wire: 0 = normal peer, 1 to 3 = kinds of seed. */
  readonly type: number
  readonly hostname: string
  readonly ip: string
  /** gRPC port, of the piece server's control plane and of seed triggers. */
  readonly port: number
  readonly downloadPort: number
  readonly disableShared: boolean
  readonly idc?: string
  readonly location?: string
  /** Uplink in bits per second; 0 = unknown. */
  readonly maxTxBandwidth: number
  /** The host promises to announce itself again within this time. */
  readonly announceIntervalMs: number
  /** One of our own daemons: it takes any number of answers on one stream. */
  readonly isOurs: boolean
  /** The whole announcement, handed back by queries; the core never looks into it. */
  readonly wire?: Host
}

/** What a peer asks for when it registers. */
export interface DownloadFacts {
  readonly url: string
  /** Absent = the whole content. */
  readonly range?: ByteRange
  readonly needBackToSource: boolean
  readonly metadataOnly: boolean
  readonly disableBackToSource: boolean
  readonly isPrefetch: boolean
  /** Wire levels 0 to 6; see `Priority` in common.proto. */
  readonly priority: number
  /** `undefined` = not known to the peer. */
  readonly contentLength: number | undefined
  readonly pieceLength: number | undefined
  readonly concurrentPieceCount: number
  /** Handed back in `triggerSeed`; the core never looks into it. */
  readonly wire?: Download
}

/** What the origin says of a task's content; see damselfly.v1.TaskFacts. */
export interface TaskFacts {
  readonly contentLength: number
  readonly responseHeader: Readonly<Record<string, string>>
}

/** Why the origin's facts could not be learned; see damselfly.v1.ResolveFailure. */
export interface ResolveFailure {
  readonly message: string
  /** The origin's HTTP status, 0 when there was no answer. */
  readonly statusCode: number
  readonly responseHeader: Readonly<Record<string, string>>
  readonly code: string
}

/** What the bytes of a piece hash to; at least one of the two. See damselfly.v1.PieceDigest. */
export interface PieceDigest {
  readonly number: number
  /** 32 bytes. */
  readonly blake3: Uint8Array | undefined
  /** CRC-32/IEEE, unsigned. */
  readonly crc32: number | undefined
}

export type TrafficType = 'backToSource' | 'remotePeer' | 'localPeer'
