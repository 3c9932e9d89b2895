import { averageRate, renderTable } from '@damselfly/cli'
import { formatBytes, formatDuration, formatRate } from '@damselfly/core'
import { type Copy, fileBytes } from './distribute.ts'

/** What `--json` prints. */
export interface DemoResult {
  readonly fileBytes: number
  readonly originBytes: number
  /** How often the origin sent each byte. */
  readonly amplification: number
  readonly peers: readonly PeerResult[]
}

export interface PeerResult {
  readonly id: string
  readonly ms: number
  readonly bytesFromOrigin: number
  readonly bytesFromSeed: number
  readonly bytesFromPeers: number
  readonly sha256Ok: boolean
  readonly error?: string
}

export interface ResultInput {
  readonly copies: readonly Copy[]
  readonly originBytes: number
  /** What every copy must be. Default: what the first complete one is, so that all must agree. */
  readonly sha256: string | undefined
}

export function demoResult({ copies, originBytes, sha256 }: ResultInput): DemoResult {
  const expected = sha256 ?? copies.find(({ state }) => state === 'done')?.sha256
  const size = fileBytes(copies)
  return {
    fileBytes: size,
    originBytes,
    amplification: size > 0 ? Number((originBytes / size).toFixed(4)) : 0,
    peers: copies.map((copy) => ({
      id: copy.id,
      ms: Math.round(copy.ms),
      bytesFromOrigin: copy.shares.origin,
      bytesFromSeed: copy.shares.seed,
      bytesFromPeers: copy.shares.peers,
      sha256Ok: copy.state === 'done' && copy.sha256 === expected,
      ...(copy.error === '' ? {} : { error: copy.error }),
    })),
  }
}

/** The origin sends each byte about once; more than this is a failure of the demo. */
const maxAmplification = 1.02

export const isGood = ({ peers, amplification }: DemoResult): boolean =>
  amplification <= maxAmplification && peers.every(({ sha256Ok }) => sha256Ok)

/** The table, the origin's share and a sentence, for people. Narrower than 80 columns. */
export function renderReport(result: DemoResult): string {
  const right = { align: 'right' } as const
  const table = renderTable(
    [
      { title: 'peer' },
      { title: 'time', ...right },
      { title: 'rate', ...right },
      { title: 'from origin', ...right },
      { title: 'from seed', ...right },
      { title: 'from peers', ...right },
      { title: 'sha256' },
    ],
    result.peers.map((peer) => [
      peer.id,
      formatDuration(peer.ms),
      formatRate(averageRate(receivedBytes(peer), peer.ms)),
      formatBytes(peer.bytesFromOrigin),
      formatBytes(peer.bytesFromSeed),
      formatBytes(peer.bytesFromPeers),
      verdict(peer),
    ]),
  )
  const errors = result.peers.flatMap(({ id, error }) =>
    error === undefined ? [] : [`${id}: ${error}\n`],
  )
  const origin = `origin sent ${formatBytes(result.originBytes)} of a ${formatBytes(result.fileBytes)} file: amplification ${result.amplification.toFixed(2)}\n`
  return `\n${table}\n${errors.join('')}${origin}${sentence(result)}\n`
}

const receivedBytes = (peer: PeerResult): number =>
  peer.bytesFromOrigin + peer.bytesFromSeed + peer.bytesFromPeers

function verdict({ sha256Ok, error }: PeerResult): string {
  if (error !== undefined) return 'failed'
  return sha256Ok ? 'ok' : 'WRONG'
}

function sentence({ peers, amplification }: DemoResult): string {
  const good = peers.filter(({ sha256Ok }) => sha256Ok)
  if (good.length < peers.length) {
    return `${peers.length - good.length} of ${peers.length} peers did not get the file.`
  }
  if (amplification > maxAmplification) {
    return `The copies are right, but the origin sent ${amplification.toFixed(2)} files instead of one.`
  }
  const slowest = formatDuration(Math.max(...peers.map(({ ms }) => ms)))
  const copies = peers.length === 1 ? '1 verified copy' : `${peers.length} verified copies`
  const plain = peers.length === 1 ? '' : ` (plain downloads: ${peers.length})`
  return `${copies} in ${slowest}; the origin sent ${amplification.toFixed(2)} files${plain}.`
}
