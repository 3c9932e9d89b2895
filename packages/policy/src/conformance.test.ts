import { randomInt } from '@damselfly/core'
import { describe, expect, test } from 'vitest'
import { policyChecks } from './conformance/checks.ts'
import { policyConformance } from './conformance.ts'
import { policyKinds } from './create-policy.ts'
import { MAX_PARENTS, type ParentPolicy, type POLICY_API_VERSION } from './parent-policy.ts'
import { randomPolicy } from './random-policy.ts'

for (const kind of policyKinds) policyConformance(kind.name, () => kind.create())

/** A good policy, but for what is given. */
function spoilt(badly: Partial<ParentPolicy>): () => ParentPolicy {
  return () => ({ ...randomPolicy.create(), ...badly })
}

type Decide = ParentPolicy['parents']

/** Decides like a good one, then does `more` to the answer. */
function then(more: (count: number, ...given: Parameters<Decide>) => number): () => ParentPolicy {
  return () => {
    const good = randomPolicy.create()
    return { ...good, parents: (...given) => more(good.parents(...given), ...given) }
  }
}

let calls = 0

describe('the conformance suite', () => {
  test.each<[string, keyof typeof policyChecks, RegExp, () => ParentPolicy]>([
    ['has no proper name', 'says what it is', /A policy/, spoilt({ name: 'A policy' })],
    [
      'is for another interface',
      'says what it is',
      /2 !== 1/,
      spoilt({ apiVersion: 2 as typeof POLICY_API_VERSION }),
    ],
    [
      'repeats a parent',
      'names at most k distinct members that may serve the child',
      /repeats itself/,
      then((count, _view, _child, k, _random, out) => {
        if (count === 0 || count === k) return count
        out[count] = out[0] as number
        return count + 1
      }),
    ],
    [
      'names the child',
      'names at most k distinct members that may serve the child',
      /(\d+) may not serve \1/,
      then((count, _view, child, _k, _random, out) => {
        if (count > 0) out[0] = child
        return count
      }),
    ],
    [
      'names somebody who is not there',
      'names at most k distinct members that may serve the child',
      /is not in the swarm/,
      then((count, view, _child, _k, _random, out) => {
        out[0] = view.members.size
        return Math.max(1, count)
      }),
    ],
    [
      'does not ask who may serve',
      'names at most k distinct members that may serve the child',
      /may not serve/,
      spoilt({
        parents: ({ members }, _child, _k, random, out) => {
          out[0] = members.ids[randomInt(random, members.size)] as number
          return 1
        },
      }),
    ],
    [
      'names a parent when nobody may serve',
      'names nobody when there is nobody',
      /deep-equal/,
      then((count, _view, _child, _k, _random, out) => {
        if (count === 0) out[0] = 0
        return Math.max(1, count)
      }),
    ],
    [
      'names more than it is asked for',
      'names no more than there are when it is asked for many',
      /instead of 256/,
      then((count) => count + 1000),
    ],
    [
      'writes behind the places that it was asked for',
      'names at most k distinct members that may serve the child',
      /deep-equal/,
      then((count, _view, _child, k, _random, out) => {
        out[k] = 1
        return count
      }),
    ],
    ['never names anybody', 'finds the only holder', /deep-equal/, spoilt({ parents: () => 0 })],
    [
      'takes chance from elsewhere',
      'answers the same for the same view and chance, whatever it was asked before',
      /deep-equal/,
      then((count) => {
        calls += 1
        return Math.min(count, calls % 7)
      }),
    ],
    [
      'writes to the view',
      'changes neither the view nor the old parents',
      /writes to its view/,
      then((count, view, child) => {
        view.host.outDegree[child] = view.host.outDegree[child] as number
        return count
      }),
    ],
    [
      'writes to the old parents',
      'changes neither the view nor the old parents',
      /deep-equal/,
      then((count, _view, _child, _k, _random, _out, old) => {
        old.fill(0)
        return count
      }),
    ],
    [
      'looks at everybody',
      'looks at no more of a large swarm than of a small one',
      /looks at \d{6} entries/,
      then((count, view, child) => {
        let able = 0
        for (let i = 0; i < view.members.size; i++) {
          able += Number(view.mayServe(view.members.ids[i] as number, child))
        }
        return Math.min(count, able)
      }),
    ],
    [
      'learns, but cannot save it',
      'can give away and take back what it has learned',
      /neither saved nor restored/,
      spoilt({ observe: () => {} }),
    ],
    [
      'forgets what it saves',
      'can give away and take back what it has learned',
      /deep-equal/,
      () => {
        let hasSeen = false
        const good = randomPolicy.create()
        return {
          ...good,
          parents: (...given) => Math.min(good.parents(...given), hasSeen ? 1 : MAX_PARENTS),
          observe: () => {
            hasSeen = true
          },
          save: () => hasSeen,
          restore: () => {},
        }
      },
    ],
  ])('finds a policy that %s', (_fault, rule, message, makePolicy) => {
    expect(() => policyChecks[rule]?.(makePolicy)).toThrow(message)
  })
})
