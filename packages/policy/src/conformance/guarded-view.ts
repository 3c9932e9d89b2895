import { DfError } from '@damselfly/core'
import type { PeerList, SwarmView } from '../swarm-view.ts'

type Column = Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array

/** The view with every column behind a guard: a write throws, and looking at lists and at peers is counted. */
export function guarded(view: SwarmView): { view: SwarmView; looks(): number } {
  let looks = 0
  const look = (): void => {
    looks += 1
  }
  const list = ({ ids, size }: PeerList): PeerList => ({ ids: guardColumn(ids, look), size })
  const guardedView: SwarmView = {
    now: view.now,
    task: Object.freeze({ ...view.task }),
    members: list(view.members),
    holders: list(view.holders),
    expecting: list(view.expecting),
    seeds: list(view.seeds),
    peer: guardColumns(view.peer),
    host: guardColumns(view.host),
    rackMembers: (rack) => list(view.rackMembers(rack)),
    usefulPieces(parent, child) {
      look()
      return view.usefulPieces(parent, child)
    },
    rateOffers(peers, child, out) {
      for (let i = peers.from; i < peers.end; i++) look()
      view.rateOffers(peers, child, out)
    },
    markServing(peers, child, out) {
      for (let i = peers.from; i < peers.end; i++) look()
      view.markServing(peers, child, out)
    },
    mayServe(parent, child) {
      look()
      return view.mayServe(parent, child)
    },
  }
  return { view: Object.freeze(guardedView), looks: () => looks }
}

function guardColumns<Columns extends { readonly [name in keyof Columns]: Column }>(
  columns: Columns,
): Columns {
  const entries = Object.entries<Column>(columns)
  const guards = entries.map(([name, column]) => [name, guardColumn(column, () => {})])
  return Object.freeze(Object.fromEntries(guards)) as Columns
}

function guardColumn<C extends Column>(column: C, look: () => void): C {
  return new Proxy(column, {
    get(target, name) {
      look()
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
    set() {
      throw new DfError('Internal', 'A policy writes to its view.')
    },
  })
}
