import { expect, test } from 'vitest'
import { areSameValidators, contradict, validatorsOf } from './validators.ts'

test('only validators are taken from the headers', () => {
  const header = { etag: '"1"', 'last-modified': '', 'content-type': 'text/plain' }
  expect(validatorsOf(header)).toEqual({ etag: '"1"' })
})

test('versions contradict each other where both name the same validator', () => {
  const date = 'Sun, 01 Nov 2026 00:00:00 GMT'
  expect(contradict({ etag: '"1"' }, { etag: '"2"', 'last-modified': date })).toBe(true)
  expect(contradict({ etag: '"1"', 'last-modified': date }, { etag: '"1"' })).toBe(false)
  expect(contradict({ etag: '"1"' }, { 'last-modified': date })).toBe(false)
  expect(contradict({}, { etag: '"1"' })).toBe(false)
})

test('what only one names makes them differ, but not contradict', () => {
  expect(areSameValidators({ etag: '"1"' }, { etag: '"1"' })).toBe(true)
  expect(areSameValidators({ etag: '"1"' }, {})).toBe(false)
})
