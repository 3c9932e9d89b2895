import { expect, test } from 'vitest'
import { mergeConfig } from './merge-config.ts'

test('keys are merged at any depth', () => {
  const base = { storage: { dir: '/a', server: { ip: 'one', port: 0 } }, host: { ip: 'one' } }
  const over = { storage: { kind: 'memory', server: { port: 1 } }, transfer: { tls: 'off' } }
  expect(mergeConfig(base, over)).toEqual({
    storage: { dir: '/a', kind: 'memory', server: { ip: 'one', port: 1 } },
    host: { ip: 'one' },
    transfer: { tls: 'off' },
  })
})

test('lists and values are replaced, and the arguments stay as they are', () => {
  const base = { addrs: ['one', 'two'], limit: 1, inner: { list: [1] } }
  expect(mergeConfig(base, { addrs: ['three'], limit: { a: 1 }, inner: { list: [] } })).toEqual({
    addrs: ['three'],
    limit: { a: 1 },
    inner: { list: [] },
  })
  expect(base).toEqual({ addrs: ['one', 'two'], limit: 1, inner: { list: [1] } })
})
