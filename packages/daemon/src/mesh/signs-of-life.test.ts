import { expect, test } from 'vitest'
import { SignsOfLife } from './signs-of-life.ts'

function neighbour({ isServed = false, askedAt }: { isServed?: boolean; askedAt?: number } = {}) {
  const said: number[] = []
  const link = { saidAt: 0, post: () => void said.push(1) }
  return { isServed, askedAt, heardAt: 0, link, said }
}

test('who is served hears something twice a second', () => {
  const signs = new SignsOfLife()
  const [served, other] = [neighbour({ isServed: true }), neighbour()]
  signs.tick([served, other], 400)
  expect(served.said).toHaveLength(0)
  signs.tick([served, other], 500)
  expect([served.said.length, other.said.length]).toEqual([1, 0])
})

test('who was asked and says nothing for one and a half seconds has fallen silent', () => {
  const signs = new SignsOfLife()
  const [asked, late, other] = [neighbour({ askedAt: 0 }), neighbour({ askedAt: 500 }), neighbour()]
  const silent = []
  for (let now = 0; now <= 1_500; now += 100) silent.push(...signs.tick([asked, late, other], now))
  expect(silent).toEqual([asked])
})

test('nobody is blamed for the time in which this host slept', () => {
  const signs = new SignsOfLife()
  const asked = neighbour({ askedAt: 0 })
  expect(signs.tick([asked], 100)).toEqual([])
  expect(signs.tick([asked], 3_000)).toEqual([])
  expect(asked.heardAt).toBe(2_900)
})
