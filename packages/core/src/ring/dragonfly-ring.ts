import { isIPv4 } from 'node:net'
import { DfError } from '../errors/df-error.ts'
import type { HashFamily } from './hash-family.ts'
import { sipHash24 } from './sip-hash.ts'

/**
 * How the Rust standard library of the daemons to agree with feeds the octets of an address to a hasher: the plain
 * octets (current ones), or their number as 64 bits before them (older ones).
 */
export type RustStd = 'raw-octets' | 'length-prefixed'

/** Dragonfly daemons look up no more than this of a task id. */
const lookupChars = 5

/**
 * The choice of a scheduler that unmodified Dragonfly daemons make (interop.md 2.4): one point per scheduler
 * address on a ring of 64 bits, the first at or after the hash of the task id's head.
 */
export class DragonflyRing implements HashFamily {
  readonly name = 'dragonfly'
  readonly #points: readonly { readonly hash: bigint; readonly node: string }[]

  /** `nodes` are `ip:port` or `[ip]:port`, at least one. */
  constructor(nodes: readonly string[], std: RustStd) {
    if (nodes.length === 0) throw new DfError('InvalidArgument', 'A hash ring needs a node.')
    this.#points = nodes
      .map((node) => ({ node, hash: socketAddressHash(node, std) }))
      .sort((a, b) => (a.hash < b.hash ? -1 : 1))
  }

  pick(taskId: string): string {
    return this.#points[this.#placeOf(taskId)]?.node as string
  }

  /** Dragonfly daemons know no second choice; here it is whose point comes next. */
  order(taskId: string): string[] {
    const first = this.#placeOf(taskId)
    return [...this.#points.slice(first), ...this.#points.slice(0, first)].map(({ node }) => node)
  }

  /** Of the first point at or after the key; behind the last one the ring starts over. */
  #placeOf(taskId: string): number {
    const hash = stringHash(taskId.slice(0, lookupChars))
    return Math.max(
      0,
      this.#points.findIndex((point) => point.hash >= hash),
    )
  }
}

/** As Rust hashes a string: its UTF-8 bytes and one byte 0xFF. */
export function stringHash(text: string): bigint {
  return sipHash24(Uint8Array.from([...Buffer.from(text), 0xff]))
}

/**
 * As Rust hashes a `SocketAddr`, all little-endian: which variant (8 bytes), the address, the port (2 bytes) and
 * for IPv6 the flow information and the scope (4 bytes each, always zero here).
 */
export function socketAddressHash(node: string, std: RustStd): bigint {
  const { octets, port } = parseNode(node)
  const isV6 = octets.length === 16
  const bytes = [
    ...littleEndian(isV6 ? 1 : 0, 8),
    ...(std === 'length-prefixed' ? littleEndian(octets.length, 8) : []),
    ...octets,
    ...littleEndian(port, 2),
    ...(isV6 ? littleEndian(0, 8) : []),
  ]
  return sipHash24(Uint8Array.from(bytes))
}

const littleEndian = (value: number, size: number): number[] =>
  Array.from({ length: size }, (_, i) => (i < 4 ? (value >>> (8 * i)) & 0xff : 0))

function parseNode(node: string): { octets: number[]; port: number } {
  const match = /^(?:\[([^\]%]+)\]|([^:]+)):(\d{1,5})$/.exec(node)
  const [, v6, v4, digits] = match ?? []
  const port = Number(digits)
  const octets = v6 === undefined ? v4Octets(v4) : v6Octets(v6)
  if (octets === undefined || !(port <= 65535)) {
    throw new DfError('InvalidArgument', `"${node}" is not of the form ip:port or [ip]:port.`)
  }
  return { octets, port }
}

function v4Octets(text: string | undefined): number[] | undefined {
  return text !== undefined && isIPv4(text) ? text.split('.').map(Number) : undefined
}

/** The URL parser brings every spelling of an IPv6 address to the one of RFC 5952: only groups and one `::`. */
function v6Octets(text: string): number[] | undefined {
  const host = URL.parse(`http://[${text}]`)?.hostname.slice(1, -1)
  if (host === undefined) return undefined
  const [head = [], tail] = host.split('::').map((part) => part.split(':').filter(Boolean))
  const zeros = tail === undefined ? 0 : 8 - head.length - tail.length
  const groups = [...head, ...new Array<string>(zeros).fill('0'), ...(tail ?? [])]
  return groups.flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >>> 8, value & 0xff]
  })
}
