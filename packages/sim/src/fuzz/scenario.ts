import { type Random, randomInt, sample, seededRandom } from '@damselfly/core'
import type { HostEnd } from '../virtual/virtual-host.ts'
import type { OriginFault } from '../virtual/virtual-origin.ts'

export type Role = 'scheduler' | 'seed' | 'peer'

export interface HostPlan {
  readonly name: string
  readonly address: string
  readonly role: Role
  /** Bytes of pieces per millisecond that leave it. */
  readonly uplinkBytesPerMs: number
}

export interface TaskPlan {
  readonly path: string
  readonly length: number
  readonly pieceLength: number
}

export interface DownloadPlan {
  readonly atMs: number
  readonly peer: string
  readonly task: TaskPlan
  readonly range: { readonly start: number; readonly length: number } | undefined
}

/** Something that goes wrong for a while. */
export type Fault = { readonly atMs: number; readonly endMs: number } & (
  | { readonly kind: 'kill'; readonly host: string; readonly how: HostEnd }
  | { readonly kind: 'restart'; readonly host: string }
  | { readonly kind: 'cut'; readonly from: readonly string[]; readonly to: readonly string[] }
  | { readonly kind: 'slow'; readonly from: string; readonly to: string; readonly factor: number }
  | { readonly kind: 'break'; readonly from: string; readonly to: string }
  | { readonly kind: 'flip'; readonly host: string; readonly chance: number }
  | { readonly kind: 'origin'; readonly path: string; readonly fault: OriginFault }
  | { readonly kind: 'change'; readonly path: string }
)

export interface Scenario {
  readonly seed: number
  readonly latencyMs: number
  /** Of each answer. */
  readonly originBytesPerMs: number
  readonly hosts: readonly HostPlan[]
  readonly tasks: readonly TaskPlan[]
  readonly downloads: readonly DownloadPlan[]
  readonly faults: readonly Fault[]
  /** From here on nothing is wrong any more, milliseconds. */
  readonly healedMs: number
}

const kib = 1024
/** Downloads begin and faults end within this time. */
const stormMs = 40_000

/** What the seed says shall happen; the same for the same seed. */
export function drawScenario(seed: number): Scenario {
  const random = seededRandom(Math.imul(seed + 1, 0x9e3779b1))
  const hosts = drawHosts(random)
  const peers = hosts.filter(({ role }) => role === 'peer')
  const tasks = draws(1 + randomInt(random, 3), (n) => drawTask(random, n))
  const downloads = tasks.flatMap((task) => drawDownloads(random, task, peers))
  // One world in six has no faults: there the origin's bytes have to be right to the last one.
  const isCalm = random.next() < 1 / 6
  const count = isCalm ? 0 : 1 + randomInt(random, 5)
  const faults = draws(count, () => drawFault(random, { hosts, tasks, downloads }))
  const ends = [...faults.map(({ endMs }) => endMs), ...downloads.map(({ atMs }) => atMs)]
  return {
    seed,
    latencyMs: 1 + randomInt(random, 20),
    originBytesPerMs: 30 * 2 ** randomInt(random, 8),
    hosts,
    tasks,
    downloads: downloads.sort((a, b) => a.atMs - b.atMs),
    faults,
    healedMs: Math.max(...ends) + 1,
  }
}

const draws = <T>(count: number, draw: (number: number) => T): T[] =>
  Array.from({ length: count }, (_, number) => draw(number))

function drawHosts(random: Random): HostPlan[] {
  const roles: readonly (readonly [Role, number])[] = [
    ['scheduler', 1 + randomInt(random, 2)],
    ['seed', randomInt(random, 3)],
    ['peer', 2 + randomInt(random, 7)],
  ]
  return roles.flatMap(([role, count], net) =>
    draws(count, (number) => ({
      name: `${role}-${number}`,
      address: `10.0.${net}.${number + 1}`,
      role,
      uplinkBytesPerMs: 200 * 2 ** randomInt(random, 6),
    })),
  )
}

function drawTask(random: Random, number: number): TaskPlan {
  const pieceLength = (4 + randomInt(random, 29)) * kib
  const pieces = random.next() < 0.2 ? 1 : 1 + randomInt(random, 40)
  const last = 1 + randomInt(random, pieceLength)
  return { path: `/task-${number}`, length: (pieces - 1) * pieceLength + last, pieceLength }
}

function drawDownloads(random: Random, task: TaskPlan, peers: readonly HostPlan[]): DownloadPlan[] {
  const beginMs = 1_000 + randomInt(random, 5_000)
  const isFlash = random.next() < 0.5
  const count = 1 + randomInt(random, peers.length)
  return sample(random, peers, count).flatMap(({ address }) => {
    const atMs = beginMs + randomInt(random, isFlash ? 50 : stormMs / 2)
    const first = { atMs, peer: address, task, range: drawRange(random, task) }
    if (random.next() > 0.2) return [first]
    return [first, { ...first, atMs: atMs + randomInt(random, 10_000), range: undefined }]
  })
}

function drawRange(random: Random, { length }: TaskPlan): DownloadPlan['range'] {
  if (random.next() > 0.2 || length < 2) return undefined
  const start = randomInt(random, length - 1)
  return { start, length: 1 + randomInt(random, length - start) }
}

interface Plans {
  readonly hosts: readonly HostPlan[]
  readonly tasks: readonly TaskPlan[]
  readonly downloads: readonly DownloadPlan[]
}

const originFaults: readonly OriginFault[] = ['refuse', 'error', 'cut', 'slow', 'ignoreRanges']

function drawFault(random: Random, { hosts, tasks, downloads }: Plans): Fault {
  const one = <T>(items: readonly T[]): T => items[randomInt(random, items.length)] as T
  // Most things go wrong while somebody downloads, and soon after it began.
  const near = one(downloads).atMs
  const atMs = Math.max(0, near + Math.floor(random.next() ** 2 * 6_000) - 300)
  const endMs = atMs + 200 + Math.floor(random.next() ** 2 * stormMs)
  const when = { atMs, endMs }
  const addresses = hosts.map(({ address }) => address)
  const path = one(tasks).path
  const roll = random.next()
  if (roll < 0.33) {
    return { ...when, kind: 'kill', host: one(addresses), how: one(['reset', 'silent'] as const) }
  }
  if (roll < 0.4) return { ...when, kind: 'restart', host: one(addresses) }
  if (roll < 0.55) {
    const all = [...addresses, 'origin']
    const from = sample(random, all, 1 + randomInt(random, all.length - 1))
    return { ...when, kind: 'cut', from, to: all.filter((address) => !from.includes(address)) }
  }
  if (roll < 0.65) {
    const [from = '', to = ''] = sample(random, addresses, 2)
    return { ...when, kind: 'slow', from, to, factor: 10 + randomInt(random, 100) }
  }
  if (roll < 0.75) {
    const [from = '', to = ''] = sample(random, addresses, 2)
    return { ...when, kind: 'break', from, to }
  }
  if (roll < 0.85) {
    return { ...when, kind: 'flip', host: one(addresses), chance: random.next() < 0.5 ? 1 : 0.1 }
  }
  if (roll < 0.97) return { ...when, kind: 'origin', path, fault: one(originFaults) }
  return { ...when, kind: 'change', path }
}
