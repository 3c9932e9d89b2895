import { expect, test } from 'vitest'
import { median, percentile } from './stats.ts'

test('the median stands in the middle, whatever the order of the samples', () => {
  expect(median([5, 1, 3]).value).toBe(3)
  expect(median([10, 4, 1, 2]).value).toBe(3)
})

test('the middle half leaves out the outliers', () => {
  expect(median([1, 2, 3, 4, 1_000]).middleHalf).toEqual([2, 4])
})

test('one sample is all of its statistics', () => {
  expect(median([7])).toEqual({ value: 7, middleHalf: [7, 7] })
  expect(percentile([7], 99)).toBe(7)
})

test('a percentile between two samples is weighed', () => {
  expect(percentile([0, 100], 99)).toBe(99)
  expect(percentile([1, 2, 3, 4, 5], 100)).toBe(5)
})

test('nothing measured is not a number', () => {
  expect(median([]).value).toBeNaN()
})

test('the samples stay as they are', () => {
  const samples = [3, 1, 2]
  median(samples)
  expect(samples).toEqual([3, 1, 2])
})
