import { formatBytes } from '@damselfly/core'
import type { Io } from '../io.ts'
import { renderTable } from '../output/table.ts'
import { printable } from '../output/text.ts'
import { slowHosts } from './slow-hosts.ts'
import type { LoggedCandidate, LoggedDecision, SwarmDump } from './swarm-dump.ts'

type Terminal = Pick<Io, 'isTty' | 'columns'>

export interface WhyTextOptions {
  readonly address: string
  /** So many decisions are told, the newest first. */
  readonly decisions: number
  /** Only decisions for peers of this host, or for this peer. */
  readonly of?: string
}

/** Why a swarm is as it is, for a person. */
export function whyText(swarm: SwarmDump, options: WhyTextOptions, terminal: Terminal): string {
  const parts = [
    head(swarm, options.address),
    section('Where the bytes came from', bytesLines(swarm)),
    section('Why the origin was asked', originLines(swarm)),
    section('Who is slow', slowLines(swarm)),
    section('Why these parents', []) + decisionsText(swarm, options, terminal),
  ]
  return parts.join('\n')
}

const section = (title: string, lines: readonly string[]): string =>
  [title, ...lines.map((line) => `  ${line}`), ''].join('\n')

function head(swarm: SwarmDump, address: string): string {
  const { contentLength, pieceLength, pieceCount = 0, peers, omittedPeers, wholeCopies } = swarm
  const size =
    contentLength === undefined
      ? 'of unknown length'
      : `${formatBytes(contentLength)} in ${pieceCount} pieces of ${formatBytes(pieceLength ?? 0)}`
  const arm = swarm.arm === undefined ? '' : `, arm ${printable(swarm.arm)} of an experiment`
  return [
    `Task ${printable(swarm.taskId)}: ${size}.`,
    `The scheduler at ${address} knows it since ${time(swarm.createdAt)}; policy ${printable(swarm.policy)}${arm}.`,
    `${peers.length + omittedPeers} peers, ${wholeCopies} of them done, ${swarm.waiting} waiting for parents.`,
    '',
  ].join('\n')
}

function bytesLines({ bytes, contentLength }: SwarmDump): string[] {
  const { origin, seed, near, far } = bytes
  const all = origin + seed + near + far
  if (all === 0) return ['Nobody has told of any yet (only daemons of Damselfly do).']
  const line = (what: string, count: number): string => {
    const copies = contentLength ? `, ${(count / contentLength).toFixed(2)} x the content` : ''
    const share = ((100 * count) / all).toFixed(1)
    return `${what.padEnd(22)}${formatBytes(count).padStart(11)}  ${share.padStart(5)} %${copies}`
  }
  return [
    line('the origin', origin),
    line('seeds', seed),
    line('peers near by', near),
    line('peers farther off', far),
  ]
}

function originLines({ originOrders, leases }: SwarmDump): string[] {
  const orders = originOrders.map(
    ({ at, hostId, isSeed, reason, interval }) =>
      `${time(at)} ${isSeed ? 'seed' : 'peer'} ${printable(hostId)} was sent for ${pieces(interval)}: ${printable(reason)}.`,
  )
  const now = leases.map(
    ({ host, interval, isStarted }) =>
      `${printable(host)} ${isStarted ? 'fetches' : 'is about to fetch'} ${pieces(interval)} now.`,
  )
  if (orders.length + now.length > 0) return [...orders, ...now]
  return ['This scheduler sent nobody there: what was wanted was held already.']
}

const pieces = ({ first, end }: { first: number; end: number }): string =>
  end - first === 1 ? `piece ${first}` : `pieces ${first} to ${end - 1}`

function slowLines(swarm: SwarmDump): string[] {
  const slow = slowHosts(swarm)
  if (slow.length === 0) return ['Nobody stands out.']
  return slow.map(({ host, reasons }) => `${printable(host)}: ${reasons.join('; ')}.`)
}

function decisionsText(swarm: SwarmDump, options: WhyTextOptions, terminal: Terminal): string {
  const hosts = new Map(swarm.peers.map(({ id, host }) => [id, host]))
  const nameOf = (peerId: string | undefined): string =>
    peerId === undefined ? '(has left)' : (hosts.get(peerId) ?? peerId)
  const { of } = options
  const isWanted = ({ child }: LoggedDecision): boolean =>
    of === undefined || child === of || nameOf(child) === of
  const wanted = swarm.decisions.filter(isWanted)
  if (wanted.length === 0) return '  No decision is remembered.\n'
  return wanted
    .slice(0, options.decisions)
    .map((decision) => decisionText(decision, nameOf, terminal))
    .join('\n')
}

const columns = [
  { title: '  PARENT' },
  { title: 'DISTANCE' },
  { title: 'UPLINK', align: 'right' },
  { title: 'CHILDREN', align: 'right' },
  { title: 'HAD PIECES', align: 'right' },
  { title: 'USEFUL', align: 'right' },
  { title: 'HEALTH', align: 'right' },
  { title: 'SCORE', align: 'right' },
] as const

/** Of those who were not chosen the best ones are shown. */
const SHOWN_OTHERS = 3

function decisionText(
  { at, child, parents, others }: LoggedDecision,
  nameOf: (peerId: string | undefined) => string,
  { isTty, columns: width }: Terminal,
): string {
  const row = (candidate: LoggedCandidate, mark: string, have: string) => {
    const { peerId, load, score } = candidate
    const name = `${mark} ${nameOf(peerId)}`
    if (score === undefined) return [name, '', '', String(load), have, '', '', 'not scored']
    return [
      name,
      score.distance,
      uplinkText(score.capacity),
      String(load),
      have,
      score.usefulness.toFixed(1),
      score.health.toFixed(2),
      score.total.toPrecision(3),
    ]
  }
  const rows = [
    ...parents.map((parent) => row(parent, '+', String(parent.have))),
    ...others.slice(0, SHOWN_OTHERS).map((other) => row(other, '-', '')),
  ]
  const table = renderTable(columns, rows, isTty ? { columns: width } : {})
  const left = others.length > SHOWN_OTHERS ? `  and ${others.length - SHOWN_OTHERS} more\n` : ''
  const looked = parents.length + others.length
  return `  ${time(at)} ${printable(nameOf(child))} got ${parents.length} (+) of ${looked} looked at (-)\n${table}${left}`
}

/** Where no uplink is known all count the same: 1. */
const uplinkText = (capacity: number): string =>
  capacity <= 1 ? 'unknown' : `${formatBytes(capacity)}/s`

const time = (ms: number): string => new Date(ms).toISOString().replace('T', ' ')
