import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadPolicy } from './load-policy.ts'

/** The first who may serve, in the order of the lists. */
const firstOnes = `
export function createPolicy({ apiVersion = 1 }) {
  return {
    name: 'first', version: 1, apiVersion,
    parents(view, child, k, random, out) {
      let count = 0
      for (const { ids, size } of [view.holders, view.expecting]) {
        for (let i = 0; i < size && i < 200 && count < k; i++) {
          if (view.mayServe(ids[i], child)) out[count++] = ids[i]
        }
      }
      return count
    },
  }
}`

let directory = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'policy-'))
})

afterEach(() => rm(directory, { recursive: true }))

async function plugIn(source: string, digest = sha256(source), params = {}) {
  await writeFile(join(directory, 'first.mjs'), source)
  return loadPolicy({ name: 'first', params, directory, digest })
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

test('a plug-in that keeps the rules is taken', async () => {
  expect((await plugIn(firstOnes)).name).toBe('first')
})

test('policies that come with the program need no digest', async () => {
  expect((await loadPolicy({ name: 'random', params: {} })).name).toBe('random')
  await expect(loadPolicy({ name: 'nothing', params: {} })).rejects.toMatchObject({
    code: 'InvalidConfig',
  })
})

test.each([
  ['another digest', firstOnes, sha256('x'), /SHA-256 is/],
  ['no such export', 'export const a = 1', undefined, /exports no createPolicy/],
  ['no JavaScript', 'export {', undefined, /cannot be used/],
  ['another name', firstOnes.replace("'first'", "'second'"), undefined, /calls itself "second"/],
  [
    'a broken rule',
    firstOnes.replace('return count', 'return count + 1'),
    undefined,
    /breaks the rule/,
  ],
  ['an import', "import './other.mjs'", undefined, /cannot be used/],
])('a plug-in with %s is refused', async (_, source, digest, message) => {
  await expect(plugIn(source, digest)).rejects.toMatchObject({
    code: 'InvalidConfig',
    message: expect.stringMatching(message),
  })
})

test('a plug-in without a pinned digest, or without a file, is refused', async () => {
  const where = { name: 'first', params: {}, directory }
  await expect(loadPolicy(where)).rejects.toMatchObject({
    message: expect.stringContaining('pins no digest'),
  })
  await expect(loadPolicy({ ...where, digest: sha256('') })).rejects.toMatchObject({
    code: 'InvalidConfig',
  })
})
