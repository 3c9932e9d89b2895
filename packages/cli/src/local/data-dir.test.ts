import { expect, it } from 'vitest'
import { dataDir, maxSocketPathBytes } from './data-dir.ts'

const cwd = '/work'

it.each([
  ['the flag', 'here', { DAMSELFLY_HOME: '/h', HOME: '/u' }, '/work/here'],
  ['DAMSELFLY_HOME', undefined, { DAMSELFLY_HOME: '/h', XDG_DATA_HOME: '/x' }, '/h'],
  ['XDG_DATA_HOME', undefined, { XDG_DATA_HOME: '/x', HOME: '/u' }, '/x/damselfly'],
  ['HOME', undefined, { HOME: '/u' }, '/u/.local/share/damselfly'],
  [
    'HOME when the others are empty',
    '',
    { DAMSELFLY_HOME: '', XDG_DATA_HOME: '', HOME: '/u' },
    '/u/.local/share/damselfly',
  ],
])('is told by %s', (_, flag, env, root) => {
  expect(dataDir(flag, { env, cwd }).root).toBe(root)
})

it('keeps sockets in itself', () => {
  expect(dataDir('/d', { env: {}, cwd }).socket('dfdaemon')).toBe('/d/run/dfdaemon.sock')
})

it('moves sockets of a long path to the runtime directory, each directory to its own', () => {
  const env = { XDG_RUNTIME_DIR: '/run/user/1000' }
  const socket = (root: string, name: string): string => dataDir(root, { env, cwd }).socket(name)
  const long = `/${'d'.repeat(120)}`
  const path = socket(long, 'dfdaemon')
  expect(path).toMatch(/^\/run\/user\/1000\/damselfly\/[0-9a-f]{16}\.sock$/)
  expect(socket(long, 'dfdaemon')).toBe(path)
  expect(new Set([path, socket(long, 'seed'), socket(`${long}e`, 'dfdaemon')]).size).toBe(3)
})

it.each([undefined, `/run/${'r'.repeat(100)}`])(
  'finds a short path although the runtime directory is %s',
  (runtime) => {
    const env = runtime === undefined ? {} : { XDG_RUNTIME_DIR: runtime }
    const path = dataDir(`/${'d'.repeat(200)}`, { env, cwd }).socket('x')
    expect(Buffer.byteLength(path)).toBeLessThanOrEqual(maxSocketPathBytes)
  },
)

it('counts bytes, not letters', () => {
  const root = `/${'ä'.repeat(50)}`
  expect(dataDir(root, { env: {}, cwd }).socket('x').startsWith(root)).toBe(false)
})
