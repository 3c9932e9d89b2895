import { asTaskId, hrw } from '@damselfly/core'
import { expect, test } from 'vitest'
import { LoadBalance } from './load-balance.ts'

const addresses = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1']
const [own = '', b = '', c = ''] = addresses
const ttlMs = 60_000
const freshMs = 15_000

function balance(peersOfB: number, peersOfC: number): LoadBalance {
  const made = new LoadBalance({
    address: own,
    addresses,
    overloadFactor: 1.25,
    minPeers: 100,
    ttlMs,
    freshMs,
  })
  made.heard(b, peersOfB, 0)
  made.heard(c, peersOfC, 0)
  return made
}

const task = (i: number) => asTaskId(`task-${i}`)
const asked = (
  made: LoadBalance,
  i: number,
  about: { isNew?: boolean; ownPeers?: number; now?: number } = {},
) => made.redirect(task(i), { isNew: true, ownPeers: 1000, now: 0, ...about })

test('up to 1.25 times the mean everything stays, above it new swarms go', () => {
  expect(asked(balance(800, 600), 1)).toBeUndefined()
  expect(asked(balance(799, 599), 1)).toBe(hrw(task(1), [b, c])[0])
  expect(asked(balance(100, 100), 1, { isNew: false })).toBeUndefined()
})

test('a swarm goes to the next one in rendezvous order that is below the mean', () => {
  const made = balance(700, 0)
  for (let i = 0; i < 50; i++) expect(asked(made, i)).toBe(c)
})

test('few peers are no load', () => {
  expect(asked(balance(0, 0), 1, { ownPeers: 99 })).toBeUndefined()
  expect(asked(balance(0, 0), 1, { ownPeers: 100 })).toBeDefined()
})

test('who was sent away is sent to the same place, also when the load has changed', () => {
  const made = balance(100, 100)
  const first = asked(made, 1)
  made.heard(b, 5000, 10_000)
  made.heard(c, 5000, 10_000)
  expect(asked(made, 1, { now: 10_000 })).toBe(first)
  expect(asked(made, 1, { now: 20_000, isNew: false, ownPeers: 0 })).toBe(first)
  expect(asked(made, 2, { now: 20_000 })).toBeUndefined()
})

test('nobody is sent to a scheduler that is silent', () => {
  const made = balance(100, 100)
  const first = asked(made, 1) ?? ''
  made.missed(first)
  const other = first === b ? c : b
  expect(asked(made, 1)).toBe(other)
  expect(asked(made, 1, { now: 20_000 })).toBeUndefined()
})

test('a swarm that nobody asks for any more is forgotten', () => {
  const made = balance(100, 100)
  asked(made, 1)
  made.heard(b, 1000, ttlMs)
  made.heard(c, 1000, ttlMs)
  expect(asked(made, 1, { now: ttlMs })).toBeUndefined()
})

test('the swarms of one moment are spread', () => {
  const made = new LoadBalance({
    address: own,
    addresses: [own, b],
    overloadFactor: 1.25,
    minPeers: 1,
    ttlMs,
    freshMs,
  })
  made.heard(b, 10, 0)
  const given = Array.from({ length: 100 }, (_, i) => asked(made, i, { ownPeers: 20 }))
  expect(given.filter((address) => address === b).length).toBeLessThan(15)
})
