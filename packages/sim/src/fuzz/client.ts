import { create } from '@bufbuild/protobuf'
import { DownloadSchema, RangeSchema } from '@damselfly/api/common'
import { DfdaemonDownload, DownloadTaskRequestSchema } from '@damselfly/api/dfdaemon'
import { type Clock, DfError } from '@damselfly/core'
import { openChannel } from '@damselfly/rpc'
import { originScheme } from '../virtual/virtual-origin.ts'
import { type Life, localSocket } from './cluster.ts'
import type { DownloadPlan } from './scenario.ts'

/** What a download came to. */
export interface Outcome {
  readonly plan: DownloadPlan
  readonly life: Life
  readonly startMs: number
  endMs: number | undefined
  error: DfError | undefined
  /** Of the whole content, as the daemon was told by the origin; 0 before it knows. */
  contentLength: number
  /** The version that the daemon says it has. */
  etag: string | undefined
  /** Pieces as they were handed over. */
  readonly pieces: Map<number, { readonly offset: number; readonly content: Uint8Array }>
}

export function begin(plan: DownloadPlan, life: Life, clock: Clock): Outcome {
  return {
    plan,
    life,
    startMs: clock.monotonic(),
    endMs: undefined,
    error: undefined,
    contentLength: 0,
    etag: undefined,
    pieces: new Map(),
  }
}

/**
 * Downloads through the daemon's local socket, as dfget does, with the content in the answers, and fills the outcome in as it goes
 * on. Never rejects.
 */
export async function follow(outcome: Outcome, clock: Clock): Promise<void> {
  const { host } = outcome.life
  using channel = openChannel(
    { path: localSocket },
    { network: host, clock, unavailable: 'DaemonUnavailable' },
  )
  try {
    const request = create(DownloadTaskRequestSchema, { download: wireDownload(outcome.plan) })
    for await (const { response } of channel.client(DfdaemonDownload).downloadTask(request)) {
      if (response.case === 'downloadTaskStartedResponse') {
        outcome.contentLength = Number(response.value.contentLength)
        outcome.etag = response.value.responseHeader.etag
      } else if (response.value?.piece !== undefined) {
        const { number, offset, content } = response.value.piece
        outcome.pieces.set(number, {
          offset: Number(offset),
          content: content ?? new Uint8Array(0),
        })
      }
    }
  } catch (error) {
    outcome.error = DfError.from(error)
  }
  outcome.endMs = clock.monotonic()
}

function wireDownload({ task, range }: DownloadPlan) {
  return create(DownloadSchema, {
    url: `${originScheme}://origin${task.path}`,
    pieceLength: BigInt(task.pieceLength),
    needPieceContent: true,
    ...(range === undefined
      ? {}
      : {
          range: create(RangeSchema, { start: BigInt(range.start), length: BigInt(range.length) }),
        }),
  })
}
