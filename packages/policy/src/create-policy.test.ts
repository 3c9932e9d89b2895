import { expect, test } from 'vitest'
import { createPolicy, policyKinds } from './create-policy.ts'
import { randomPolicy } from './random-policy.ts'

test.each(policyKinds.map((kind) => kind.name))('"%s" needs no parameters', (name) => {
  expect(createPolicy(name)).toMatchObject({ name, apiVersion: 1 })
})

test('an unknown name is answered with those that are known', () => {
  expect(() => createPolicy('best')).toThrow(
    'There is no policy "best"; there are default, random, two-choices, dragonfly, bandit.',
  )
})

test.each([
  ['default', { sampelSize: 3 }, /default.*\n.*sampelSize/],
  ['default', { sampleSize: 0 }, /sampleSize/],
  ['default', { proximity: { rack: -1 } }, /proximity\.rack/],
  ['default', { shares: { rack: 0.9, idc: 0.2 } }, /shares are more than 1/],
  ['random', { k: 1 }, /random.*\n.*k/],
  ['dragonfly', { parentLimit: 21 }, /parentLimit/],
  ['bandit', { exploration: Number.NaN }, /exploration/],
  ['two-choices', null, /two-choices/],
])('the policy "%s" refuses %j with the reason', (name, params, reason) => {
  expect(() => createPolicy(name, params)).toThrow(reason)
  expect(() => createPolicy(name, params)).toThrow(
    expect.objectContaining({ code: 'InvalidConfig' }),
  )
})

test('the parameters are described for those who edit them', () => {
  for (const { paramsSchema } of policyKinds) {
    expect(paramsSchema).toMatchObject({ type: 'object', additionalProperties: false })
  }
})

test('kinds from elsewhere can be named too', () => {
  const mine = { ...randomPolicy, name: 'mine' }
  expect(createPolicy('mine', {}, [...policyKinds, mine]).name).toBe('random')
})
