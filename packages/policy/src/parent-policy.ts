import type { Random } from '@damselfly/core'
import type { ClientParams } from './client-params.ts'
import type { Considered } from './considered.ts'
import type { SwarmView } from './swarm-view.ts'

/** The interface as it is now. A policy that was made for another one is not taken. */
export const POLICY_API_VERSION = 1

/** Nobody asks for more parents than this at once. */
export const MAX_PARENTS = 256

/**
 * Chooses parents. Its answer depends on the view, on chance and on what it has observed, nothing else, and it changes
 * only what it owns, so a decision can be repeated from a recorded view and seed. Synchronous, and as cheap in a swarm
 * of 100,000 as in one of ten: a policy samples. What every policy has to obey is written down in
 * `@damselfly/policy/conformance`.
 */
export interface ParentPolicy {
  readonly name: string
  /** Grows when the same view and seed may give another answer. */
  readonly version: number
  readonly apiVersion: typeof POLICY_API_VERSION
  /**
   * Writes up to `k` parents for `child`, best first, to `out` and tells how many. They are distinct members of the
   * swarm that `mayServe` the child. `old` are the parents that the child has now, all of its entries; naming them again
   * keeps the connection. `out` has room for `k` at least. Positional, because it runs for every peer: nothing is
   * allocated.
   */
  parents(
    view: SwarmView,
    child: number,
    k: number,
    random: Random,
    out: Int32Array,
    old: Int32Array,
  ): number
  /** Whom the last answer was chosen from, for those who ask why; absent = it does not say. */
  readonly considered?: Considered | undefined
  /** What this policy wants to be other than the default in how the child exchanges pieces. */
  client?(view: SwarmView, child: number): Partial<ClientParams>
  /** Only policies that learn have the rest. */
  observe?(observation: Observation): void
  /** What was learned, as JSON can carry it. */
  save?(): unknown
  /** Takes back what `save` gave, from the same version; anything else is an `InvalidArgument`. */
  restore?(saved: unknown): void
}

export type Observation =
  /** The host sent at this rate to all its children together, bytes/s, since it last told. */
  | { readonly type: 'uplink'; readonly host: number; readonly rate: number }
  /** The slot of this host is free and may become another host. */
  | { readonly type: 'hostLeft'; readonly host: number }
