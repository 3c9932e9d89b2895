import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { resolveAddress } from '../local/resolve-address.ts'
import { dynconfigSchedulers } from './dynconfig.ts'

async function file(text: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'damselfly-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const path = join(dir, 'dynconfig.yaml')
  await writeFile(path, text)
  return path
}

const resolve = async (): Promise<string[]> => ['10.0.0.2', '::1', '10.0.0.1', '10.0.0.2']

it.each([
  [
    'scheduler: {addrs: [10.1.1.1:8002, 10.1.1.2:8002], addr: a:1}',
    ['10.1.1.1:8002', '10.1.1.2:8002'],
  ],
  ['scheduler: {addr: "dragonfly-scheduler:8002"}', ['10.0.0.1:8002', '10.0.0.2:8002']],
  ['scheduler: {addrs: []}', []],
  ['clientConfig: {blockList: {}}', []],
  ['', []],
])('reads the schedulers of %s', async (text, expected) => {
  expect(await dynconfigSchedulers(await file(text), resolve)).toEqual(expected)
})

it('takes IPv6 addresses where there are no others', async () => {
  expect(await resolveAddress('host:8002', async () => ['::2', '::1'])).toEqual([
    '[::1]:8002',
    '[::2]:8002',
  ])
})

it('says which name does not resolve', async () => {
  const fail = async (): Promise<never> => {
    throw new Error('ENOTFOUND')
  }
  await expect(resolveAddress('nowhere:8002', fail)).rejects.toThrow(
    'The scheduler nowhere:8002 cannot be found',
  )
})

it('refuses an address without a port', async () => {
  await expect(
    dynconfigSchedulers(await file('scheduler: {addr: host}'), resolve),
  ).rejects.toMatchObject({
    code: 'InvalidConfig',
  })
})
