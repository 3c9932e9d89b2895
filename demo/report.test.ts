import { expect, test } from 'vitest'
import { type Copy, noCopy } from './distribute.ts'
import { demoResult, isGood, renderReport } from './report.ts'

const mib = 1024 ** 2

const copy = (id: string, news: Partial<Copy> = {}): Copy => ({
  ...noCopy(id),
  state: 'done',
  sizeBytes: 10 * mib,
  doneBytes: 10 * mib,
  shares: { origin: 0, seed: 4 * mib, peers: 6 * mib, cache: 0 },
  ms: 2_000.4,
  sha256: 'aa',
  ...news,
})

const input = { originBytes: 10 * mib, sha256: 'aa' }

test('the result says who gave what and how often the origin sent each byte', () => {
  const result = demoResult({ ...input, copies: [copy('peer-0')] })
  expect(result).toEqual({
    fileBytes: 10 * mib,
    originBytes: 10 * mib,
    amplification: 1,
    peers: [
      {
        id: 'peer-0',
        ms: 2000,
        bytesFromOrigin: 0,
        bytesFromSeed: 4 * mib,
        bytesFromPeers: 6 * mib,
        sha256Ok: true,
      },
    ],
  })
  expect(isGood(result)).toBe(true)
})

test('a copy with another digest is not good', () => {
  const copies = [copy('peer-0'), copy('peer-1', { sha256: 'bb' })]
  const result = demoResult({ ...input, copies })
  expect(result.peers.map(({ sha256Ok }) => sha256Ok)).toEqual([true, false])
  expect(isGood(result)).toBe(false)
})

test('an origin that had to send more than one file is a failure, and the report says so', () => {
  const result = demoResult({ ...input, originBytes: 30 * mib, copies: [copy('peer-0')] })
  expect(isGood(result)).toBe(false)
  expect(renderReport(result)).toContain('the origin sent 3.00 files instead of one')
})

test('without a known digest all copies must agree', () => {
  const unknown = { ...input, sha256: undefined }
  const failed = copy('peer-0', { state: 'failed', sha256: '', error: 'no' })
  const copies = [failed, copy('peer-1', { sha256: 'bb' }), copy('peer-2', { sha256: 'bb' })]
  expect(demoResult({ ...unknown, copies }).peers.map(({ sha256Ok }) => sha256Ok)).toEqual([
    false,
    true,
    true,
  ])
})

test('the report is a table, the share of the origin and a sentence', () => {
  const result = demoResult({ ...input, copies: [copy('peer-0'), copy('peer-1')] })
  expect(renderReport(result)).toBe(`
peer    time     rate  from origin  from seed  from peers  sha256
peer-0    2s  5 MiB/s          0 B      4 MiB       6 MiB  ok
peer-1    2s  5 MiB/s          0 B      4 MiB       6 MiB  ok

origin sent 10 MiB of a 10 MiB file: amplification 1.00
2 verified copies in 2s; the origin sent 1.00 files (plain downloads: 2).
`)
})

test('the report tells why a download failed', () => {
  const failed = copy('peer-1', { state: 'failed', error: 'The disk is full.' })
  const result = demoResult({ ...input, copies: [copy('peer-0'), failed] })
  expect(renderReport(result)).toContain('peer-1: The disk is full.\n')
  expect(renderReport(result)).toContain('1 of 2 peers did not get the file.\n')
})
