import fc from 'fast-check'
import { expect, it } from 'vitest'
import { defaultFilteredQueryParams, filterUrl } from './filter-url.ts'

it.each([
  ['drops the question mark when nothing is left', 'https://a/b?x=1', ['x'], 'https://a/b'],
  [
    'keeps the order of what is left',
    'https://a/b?z=1&x=2&a=3&z=4',
    ['x'],
    'https://a/b?z=1&a=3&z=4',
  ],
  ['removes every pair of a key', 'https://a/b?x=1&y=2&x=3', ['x'], 'https://a/b?y=2'],
  ['compares decoded keys', 'https://a/b?%78=1&y=2', ['x'], 'https://a/b?y=2'],
  ['minds case', 'https://a/b?X=1', ['x'], 'https://a/b?X=1'],
  [
    'encodes a space as + although nothing is filtered',
    'https://a/b?x=1%202',
    [],
    'https://a/b?x=1+2',
  ],
  ['writes = after a key without value', 'https://a/b?x', [], 'https://a/b?x='],
  ['drops an empty query', 'https://a/b?', [], 'https://a/b'],
  ['trims the slash of a bare host', 'https://a/', [], 'https://a'],
  ['trims the slash that parsing adds', 'https://a?x=1', ['x'], 'https://a'],
  ['keeps the slash before a query', 'https://a?x=1', [], 'https://a/?x=1'],
  ['keeps the slash of a longer path', 'https://a/b/', [], 'https://a/b/'],
  [
    'lowers the host and drops the default port',
    'HTTPS://EXAMPLE.com:443/A',
    [],
    'https://example.com/A',
  ],
  ['leaves other schemes alone', 's3://bucket/Key?versionId=1', [], 's3://bucket/Key?versionId=1'],
])('%s', (_, url, params, expected) => {
  expect(filterUrl(url, params)).toBe(expected)
})

it('removes what signs a request, of every cloud, by default', () => {
  const query = defaultFilteredQueryParams.map((key) => `${key}=x`).join('&')
  expect(filterUrl(`https://a/b?${query}&keep=1`, defaultFilteredQueryParams)).toBe(
    'https://a/b?keep=1',
  )
  expect(defaultFilteredQueryParams).toHaveLength(30)
})

it('gives the same again for its own result', () => {
  fc.assert(
    fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
      const once = filterUrl(url)
      expect(filterUrl(once)).toBe(once)
    }),
  )
})

it('refuses what is not a URL', () => {
  expect(() => filterUrl('example.com/a')).toThrow('"example.com/a" is not an absolute URL.')
})
