import { expect, test } from 'vitest'
import { parseOptions, UsageError } from './options.ts'

const thisFile = import.meta.filename

test('without arguments five peers and a seed get the default file', () => {
  expect(parseOptions([], thisFile)).toEqual({
    peers: 5,
    seeds: 1,
    source: { file: thisFile },
    digest: undefined,
    json: false,
    keep: false,
  })
})

test('a URL is taken as it is', () => {
  const url = 'HTTPS://example.com/a?b'
  expect(parseOptions([url, '--peers', '2', '--seeds', '0', '--json'], thisFile)).toMatchObject({
    source: { url },
    peers: 2,
    seeds: 0,
    json: true,
  })
})

test('a digest is read', () => {
  const value = 'AB'.repeat(32)
  expect(parseOptions(['--digest', `sha256:${value}`], thisFile)?.digest).toEqual({
    algorithm: 'sha256',
    value: value.toLowerCase(),
  })
})

test('help wins over everything else', () => {
  expect(parseOptions(['--help', '--peers', 'x'], thisFile)).toBeUndefined()
})

test.each([
  [['--peers', '0'], '--peers must be a number from 1 to 100'],
  [['--peers', 'many'], '--peers must be a number'],
  [['--seeds', '-1'], '--seeds'],
  [['--digest', 'md5:d41d8cd98f00b204e9800998ecf8427e'], '--digest must be sha256'],
  [['--digest', 'nonsense'], '--digest must be sha256'],
  [['--unknown'], '--unknown'],
  [['/no/such/file'], 'There is no file /no/such/file'],
  [['http://a', 'http://b'], 'One URL or file'],
])('%j is wrong use', (args, message) => {
  expect(() => parseOptions(args, thisFile)).toThrow(UsageError)
  expect(() => parseOptions(args, thisFile)).toThrow(message)
})
