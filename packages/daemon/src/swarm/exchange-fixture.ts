import { seededRandom } from '@damselfly/core'
import { type ClientParams, defaultClientParams } from './client-params.ts'
import { Exchange, type ExchangeOptions } from './exchange.ts'
import type { NeighbourTraits, SwarmAction } from './messages.ts'

export const pieceLength = 1_000
export const near: NeighbourTraits = { isSeed: false, isNear: true, grants: true }
export const far: NeighbourTraits = { ...near, isNear: false }
export const stranger: NeighbourTraits = { ...near, grants: false }

export function exchangeOf(
  pieceCount: number,
  {
    params,
    ...options
  }: Partial<Omit<ExchangeOptions, 'params'>> & {
    params?: Partial<ClientParams>
  } = {},
): Exchange {
  return new Exchange({
    pieceCount,
    pieceLength,
    contentLength: pieceCount * pieceLength,
    isSeed: false,
    random: seededRandom(1),
    ...options,
    params: { ...defaultClientParams(pieceCount), ...params },
  })
}

/** One that wants everything and has so many neighbours that hold everything. */
export function childOf(
  pieceCount: number,
  neighbours: readonly NeighbourTraits[],
  options: Parameters<typeof exchangeOf>[1] = {},
): Exchange {
  const child = exchangeOf(pieceCount, options)
  child.want(0, pieceCount, 0)
  for (const traits of neighbours) {
    const slot = child.addNeighbour(traits, 0) ?? 0
    child.receive(slot, { kind: 'have', pieces: allOf(pieceCount) }, 0)
  }
  return child
}

export const allOf = (count: number): number[] => [...Array(count).keys()]

export const ofKind = <Kind extends SwarmAction['kind']>(
  actions: readonly SwarmAction[],
  kind: Kind,
): Extract<SwarmAction, { kind: Kind }>[] =>
  actions.filter((a): a is Extract<SwarmAction, { kind: Kind }> => a.kind === kind)

/** What it says to that neighbour, or to all. */
export const said = (exchange: Exchange, to: number | 'all' | 'near'): string[] =>
  ofKind(exchange.takeActions(), 'send')
    .filter((send) => send.to === to)
    .map(({ message }) => (message.kind === 'decline' ? `decline ${message.reason}` : message.kind))

export function grant(
  exchange: Exchange,
  slot: number,
  now: number,
  piece?: number,
): number | undefined {
  exchange.takeActions()
  exchange.receive(slot, { kind: 'grant', piece }, now)
  return exchange.flows.find((flow) => flow.slot === slot)?.piece
}

/** Has the usual time of a piece known: so many pieces, each 100 ms. */
export function warmUp(exchange: Exchange, slot: number, pieces: number): number {
  for (let n = 0; n < pieces; n++) {
    const piece = grant(exchange, slot, n * 100)
    if (piece === undefined) throw new Error('nothing was asked for')
    exchange.pieceArrived(slot, piece, (n + 1) * 100)
  }
  exchange.takeActions()
  return pieces * 100
}
