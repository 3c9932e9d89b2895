import { expect, it } from 'vitest'
import { legacyTaskIdV1 } from './legacy-task-id.ts'

const url = 'https://example.com'

it('names a bare URL as Dragonfly v1 did', () => {
  // interop.md 5.4
  expect(legacyTaskIdV1({ url })).toBe(
    '100680ad546ce6a577f42f52df33b4cfdca756859e664b8d7de329b150d09ce9',
  )
})

it('adds the digest before the range, then the tag, then the application', () => {
  const whole = legacyTaskIdV1({ url, digest: 'd', range: 'r', tag: 't', application: 'a' })
  expect(whole).toBe(legacyTaskIdV1({ url, digest: 'drta' }))
})

it('filters and sorts the query when there is a list', () => {
  const filteredQueryParams = ['foo']
  const idOf = (query: string): string =>
    legacyTaskIdV1({ url: `${url}?${query}`, filteredQueryParams })
  expect(idOf('foo=1')).toBe(legacyTaskIdV1({ url }))
  expect(idOf('b=2&foo=1&a=1')).toBe(legacyTaskIdV1({ url: `${url}?a=1&b=2` }))
  expect(idOf('a=~*%20')).toBe(legacyTaskIdV1({ url: `${url}?a=~%2A+` }))
})

it('leaves the URL alone without a list', () => {
  const sorted = legacyTaskIdV1({ url: `${url}?a=1&b=2` })
  expect(legacyTaskIdV1({ url: `${url}?b=2&a=1` })).not.toBe(sorted)
})
