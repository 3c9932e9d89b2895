import type { Clock } from '@damselfly/core'
import type { ParentPolicy } from '@damselfly/policy'

export interface GuardOptions {
  /** A decision that takes longer, milliseconds, is a breach ... */
  readonly budgetMs: number
  /** ... and with so many breaches ... */
  readonly maxBreaches: number
  /** ... within so many milliseconds the policy has to go. */
  readonly windowMs: number
}

export const defaultGuard: GuardOptions = { budgetMs: 1, maxBreaches: 3, windowMs: 10_000 }

export interface GuardDeps {
  readonly clock: Pick<Clock, 'monotonic'>
  /** Takes over for good; must not fail. */
  readonly fallback: ParentPolicy
  readonly onDemoted: (why: string) => void
}

/**
 * A policy that others wrote, and the default one in its place as soon as it throws or is too slow too often: downloads
 * never depend on somebody's code being right.
 */
export function guardedPolicy(
  policy: ParentPolicy,
  { budgetMs, maxBreaches, windowMs }: GuardOptions,
  { clock, fallback, onDemoted }: GuardDeps,
): ParentPolicy {
  let current = policy
  const breaches: number[] = []
  const demote = (why: string): void => {
    current = fallback
    onDemoted(why)
  }
  const judge = (startedAt: number): void => {
    const now = clock.monotonic()
    if (now - startedAt <= budgetMs) return
    breaches.push(now)
    while ((breaches[0] ?? now) < now - windowMs) breaches.shift()
    if (breaches.length >= maxBreaches) demote(`it was slower than ${budgetMs} ms too often`)
  }
  /** Runs it, unless it is the fallback's turn. */
  const guard = <T>(run: (policy: ParentPolicy) => T): T => {
    if (current === fallback) return run(fallback)
    const startedAt = clock.monotonic()
    try {
      const result = run(policy)
      judge(startedAt)
      return result
    } catch (error) {
      demote(error instanceof Error ? error.message : String(error))
      return run(fallback)
    }
  }
  return {
    get name() {
      return current.name
    },
    get version() {
      return current.version
    },
    apiVersion: policy.apiVersion,
    get considered() {
      return current.considered
    },
    parents: (view, child, k, random, out, old) =>
      guard((one) => one.parents(view, child, k, random, out, old)),
    client: (view, child) => guard((one) => one.client?.(view, child) ?? {}),
    observe: (observation) => guard((one) => one.observe?.(observation)),
    save: () => guard((one) => one.save?.()),
    restore: (saved) => guard((one) => one.restore?.(saved)),
  }
}
