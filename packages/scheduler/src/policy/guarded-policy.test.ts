import { seededRandom } from '@damselfly/core'
import { createPolicy, type ParentPolicy } from '@damselfly/policy'
import { ListSwarm } from '@damselfly/policy/testing'
import { expect, test } from 'vitest'
import { defaultGuard, guardedPolicy } from './guarded-policy.ts'

class Decisions {
  now = 0
  readonly demotions: string[] = []
  readonly guarded: ParentPolicy
  readonly #swarm = new ListSwarm({ capacity: 8 })

  /** `decide` stands for the plug-in's code. */
  constructor(decide: (self: Decisions) => number) {
    for (let i = 0; i < 4; i++) this.#swarm.add()
    const plugIn = { ...createPolicy('default'), name: 'mine', parents: () => decide(this) }
    this.guarded = guardedPolicy(plugIn, defaultGuard, {
      clock: { monotonic: () => this.now },
      fallback: createPolicy('default'),
      onDemoted: (why) => this.demotions.push(why),
    })
  }

  decide(): number {
    const [out, old] = [new Int32Array(4), new Int32Array(0)]
    return this.guarded.parents(this.#swarm, 0, 2, seededRandom(1), out, old)
  }
}

test('an exception is answered by the default policy, which stays', () => {
  const d = new Decisions(() => {
    throw new Error('oops')
  })
  expect(d.guarded.name).toBe('mine')
  expect(d.decide()).toBe(2)
  expect(d.decide()).toBe(2)
  expect(d.demotions).toEqual(['oops'])
  expect(d.guarded.name).toBe('default')
})

test('three slow decisions within ten seconds are enough, three in a longer time are not', () => {
  const d = new Decisions((self) => {
    self.now += 2
    return 0
  })
  for (let i = 0; i < 5; i++) {
    d.decide()
    d.now += 6_000
  }
  expect(d.demotions).toEqual([])
  d.decide()
  d.decide()
  expect(d.demotions).toHaveLength(1)
  expect(d.decide()).toBe(2)
})
