import { DfdaemonDownload } from '@damselfly/api/dfdaemon'
import { downloadTo, type Shares } from '@damselfly/cli'
import { DfError } from '@damselfly/core'
import { openChannel } from '@damselfly/rpc'
import { type DaemonProcess, sha256File } from '@damselfly/testkit'

/** One peer's copy, as it comes into being. */
export interface Copy {
  readonly id: string
  readonly state: 'waiting' | 'downloading' | 'checking' | 'done' | 'failed'
  readonly sizeBytes: number
  readonly doneBytes: number
  readonly shares: Shares
  /** From the request until the daemon said that the output is complete. */
  readonly ms: number
  /** Read back from the output; empty until then. */
  readonly sha256: string
  readonly error: string
}

export const noCopy = (id: string): Copy => ({
  id,
  state: 'waiting',
  sizeBytes: 0,
  doneBytes: 0,
  shares: { origin: 0, seed: 0, peers: 0, cache: 0 },
  ms: 0,
  sha256: '',
  error: '',
})

/** Size of what is distributed; 0 while nobody knows. */
export function fileBytes(copies: readonly Copy[]): number {
  return Math.max(0, ...copies.map(({ sizeBytes }) => sizeBytes))
}

export interface DistributeOptions {
  readonly url: string
  readonly peers: readonly DaemonProcess[]
  readonly signal: AbortSignal
  /** Called after each change of one copy. */
  readonly onCopy: (index: number, copy: Copy) => void
}

/** Asks all peers for the URL at the same moment. Failures are in the copies; rejects only when aborted. */
export async function distribute(options: DistributeOptions): Promise<Copy[]> {
  const { peers, signal } = options
  const copies = await Promise.all(
    peers.map((peer, index) => makeCopy(peer, options, (copy) => options.onCopy(index, copy))),
  )
  signal.throwIfAborted()
  return copies
}

async function makeCopy(
  peer: DaemonProcess,
  { url, signal }: DistributeOptions,
  onCopy: (copy: Copy) => void,
): Promise<Copy> {
  let copy = noCopy(peer.name)
  const change = (news: Partial<Copy>): Copy => {
    copy = { ...copy, ...news }
    onCopy(copy)
    return copy
  }
  const startedAt = performance.now()
  const elapsed = (): number => performance.now() - startedAt
  const outputPath = peer.output('copy')
  try {
    using channel = openChannel({ path: peer.socketPath }, { unavailable: 'DaemonUnavailable' })
    const client = channel.client(DfdaemonDownload)
    for await (const progress of downloadTo(client, { download: { url, outputPath }, signal })) {
      const { sizeBytes, doneBytes, shares } = progress
      change({ state: 'downloading', sizeBytes, doneBytes, shares, ms: elapsed() })
    }
    change({ state: 'checking', ms: elapsed() })
    return change({ state: 'done', sha256: await sha256File(outputPath) })
  } catch (error) {
    if (signal.aborted) return copy
    return change({ state: 'failed', ms: elapsed(), error: DfError.from(error).message })
  }
}
