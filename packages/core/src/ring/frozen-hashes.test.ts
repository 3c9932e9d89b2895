import { expect, test } from 'vitest'
import { createHashFamily } from './create-hash-family.ts'
import type { HashFamilyName } from './hash-family.ts'
import { keyHash } from './key-hash.ts'

// Never change these: replicas and daemons of different versions must agree.

const nodes = Array.from({ length: 5 }, (_, i) => `10.0.0.${i}:8002`)
const keys = ['5844f27a257287e9', 'd3c4e98001ab', '0', '00ffee7712']

/** The orders of the keys, each as the last digits of the nodes' addresses. */
function orders(name: HashFamilyName, weights: readonly [string, number][] = []): string[] {
  const family = createHashFamily(name, nodes, { weights: new Map(weights) })
  return keys.map((key) => {
    const order = family.order(key)
    return order.map((node) => node.at(7)).join('')
  })
}

test.each<[HashFamilyName, string[]]>([
  ['hrw', ['32041', '13042', '32041', '20341']],
  ['ring', ['04312', '14032', '21043', '13420']],
  ['jump', ['04321', '01423', '04231', '03214']],
  ['maglev', ['04312', '04213', '13204', '03241']],
  ['dragonfly', ['02314', '14023', '23140', '23140']],
])('%s orders as ever', (name, expected) => {
  expect(orders(name)).toEqual(expected)
})

test.each<[HashFamilyName, string[]]>([
  ['hrw', ['20314', '10342', '32041', '20143']],
  ['ring', ['04123', '14032', '12043', '14203']],
  ['maglev', ['14320', '04213', '14023', '01423']],
])('%s orders weighted nodes as ever', (name, expected) => {
  const weights: [string, number][] = [
    ['10.0.0.1:8002', 4],
    ['10.0.0.3:8002', 0.25],
  ]
  expect(orders(name, weights)).toEqual(expected)
})

test('keys hash as ever', () => {
  expect(keyHash('')).toBe(2_748_134_007_197_158)
  expect(keyHash('5844f27a257287e9')).toBe(5_849_329_092_816_880)
  expect(keyHash('a', 'b')).toBe(1_580_224_897_181_068)
  expect(keyHash('\u00fc')).toBe(2_414_210_750_964_561)
})
