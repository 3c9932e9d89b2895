import { DfError } from '../errors/df-error.ts'
import { DragonflyRing, type RustStd } from './dragonfly-ring.ts'
import { type HashFamily, type HashFamilyName, weightOf } from './hash-family.ts'
import { RendezvousHash } from './hrw.ts'
import { JumpHash } from './jump-hash.ts'
import { Maglev } from './maglev.ts'
import { PointRing } from './point-ring.ts'

export interface HashFamilyOptions {
  /** Relative, above 0 and up to 1,000; 1 for nodes that are not named. Not for `jump` and `dragonfly`. */
  readonly weights?: ReadonlyMap<string, number>
  /** Points per node, for `ring`. Default 160. */
  readonly points?: number
  /** Which Rust the daemons to agree with were made by, for `dragonfly`. Default `raw-octets`. */
  readonly std?: RustStd
}

/** A ring has as many points more. */
const MAX_WEIGHT = 1000

type Make = (nodes: readonly string[], options: HashFamilyOptions) => HashFamily

const families: Readonly<Record<HashFamilyName, Make>> = {
  hrw: (nodes, { weights }) => new RendezvousHash(nodes, weights),
  ring: (nodes, options) => new PointRing(nodes, options),
  jump: (nodes, options) => new JumpHash(evenly('jump', nodes, options)),
  maglev: (nodes, { weights }) => new Maglev(nodes, weights),
  dragonfly: (nodes, options) =>
    new DragonflyRing(evenly('dragonfly', nodes, options), options.std ?? 'raw-octets'),
}

export const hashFamilyNames = Object.keys(families) as readonly HashFamilyName[]

/**
 * Nodes are distinct and at least one. `InvalidArgument` when they are not, for a weight out of range, and for an
 * unknown name, with those that are known.
 */
export function createHashFamily(
  name: string,
  nodes: readonly string[],
  options: HashFamilyOptions = {},
): HashFamily {
  const known = hashFamilyNames.find((one) => one === name)
  if (known === undefined) {
    throw new DfError(
      'InvalidArgument',
      `There is no hash family "${name}"; there are ${hashFamilyNames.join(', ')}.`,
    )
  }
  checkNodes(nodes, options)
  return families[known](nodes, options)
}

function checkNodes(nodes: readonly string[], { weights, points = 1 }: HashFamilyOptions): void {
  if (nodes.length === 0) throw new DfError('InvalidArgument', 'A hash family needs a node.')
  if (new Set(nodes).size < nodes.length) {
    throw new DfError('InvalidArgument', `A node is listed twice: ${nodes.join(', ')}.`)
  }
  for (const node of nodes) {
    const weight = weightOf(node, weights)
    if (weight > 0 && weight <= MAX_WEIGHT) continue
    throw new DfError(
      'InvalidArgument',
      `The weight of ${node}, ${weight}, is not above 0 and up to ${MAX_WEIGHT}.`,
    )
  }
  if (Number.isInteger(points) && points > 0 && points <= 10_000) return
  throw new DfError('InvalidArgument', `${points} points per node are not from 1 to 10,000.`)
}

function evenly(
  name: HashFamilyName,
  nodes: readonly string[],
  { weights }: HashFamilyOptions,
): readonly string[] {
  const isEven = nodes.every((node) => weightOf(node, weights) === 1)
  if (isEven) return nodes
  throw new DfError('InvalidArgument', `The hash family "${name}" knows no weights.`)
}
