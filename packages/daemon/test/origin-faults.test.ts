import { existsSync, readdirSync } from 'node:fs'
import { isDfError } from '@damselfly/core'
import {
  type Constellation,
  type Fault,
  type Origin,
  sha256File,
  startConstellation,
  startOrigin,
} from '@damselfly/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// What a user sees when the origin misbehaves: the right error or the right bytes, nothing at the output path
// otherwise, and an end within the deadlines.

const size = 9 * 1024 * 1024 + 5

let origin: Origin
let swarm: Constellation

beforeAll(async () => {
  origin = await startOrigin()
  swarm = await startConstellation({
    scheduler: false,
    peers: 1,
    daemonConfig: {
      backend: {
        headersTimeout: '500ms',
        idleTimeout: '500ms',
        maxRetries: 1,
        connectTimeout: '1s',
      },
    },
  })
})

afterAll(async () => {
  await swarm.stop()
  await origin.stop()
})

let files = 0

async function attempt(faults: readonly Fault[], download: { digest?: string } = {}) {
  const path = `/file-${files++}`
  const url = origin.put(path, { sizeBytes: size, seed: files }, { etag: '"one"' })
  origin.misbehave(path, faults)
  const [peer] = swarm.peers
  const output = peer!.output(path.slice(1))
  let error: unknown
  try {
    await peer!.download(url, { outputPath: output, download })
  } catch (thrown) {
    error = thrown
  }
  const leftovers = readdirSync(peer!.dir).filter((name) => name.includes('part'))
  expect(leftovers, 'temporary files beside the output').toEqual([])
  if (error === undefined) {
    expect(await sha256File(output)).toBe(await origin.digest(path))
    return undefined
  }
  expect(existsSync(output), 'a partial file at the output path').toBe(false)
  if (!isDfError(error)) throw error
  return error
}

describe('a download from an origin that misbehaves', () => {
  const survived: [string, Fault[]][] = [
    ['breaks off once', [{ kind: 'truncate', afterBytes: 100_000, method: 'GET', times: 1 }]],
    ['resets the first connection', [{ kind: 'reset', times: 1 }]],
    ['answers 503 once', [{ kind: 'status', code: 503, times: 1 }]],
    ['answers 429 with Retry-After once', [{ kind: 'status', code: 429, retryAfter: 0, times: 1 }]],
    ['does not know HEAD', [{ kind: 'noHead' }]],
    ['ignores ranges', [{ kind: 'noRanges' }]],
    ['answers 200 to a range', [{ kind: 'ignoreRange' }]],
    ['sends no Content-Length but serves ranges', [{ kind: 'chunked' }]],
    ['redirects', [{ kind: 'redirect', to: '/elsewhere' }]],
    ['is slow', [{ kind: 'slow', bytesPerSec: 40 * 1024 * 1024 }]],
  ]
  for (const [what, faults] of survived) {
    it(`succeeds when it ${what}`, async () => {
      if (what === 'redirects') origin.put('/elsewhere', { sizeBytes: size, seed: files + 1 })
      expect(await attempt(faults)).toBeUndefined()
    })
  }

  const refused: [string, Fault[], string, RegExp][] = [
    ['answers 401', [{ kind: 'status', code: 401 }], 'SourceRefused', /401/],
    ['answers 403', [{ kind: 'status', code: 403 }], 'SourceRefused', /403/],
    ['answers 404', [{ kind: 'status', code: 404 }], 'SourceRefused', /404/],
    ['answers 500 for ever', [{ kind: 'status', code: 500 }], 'SourceRefused', /500/],
    ['answers 416', [{ kind: 'status', code: 416, method: 'GET' }], 'SourceRefused', /416/],
    [
      'always breaks off',
      [{ kind: 'truncate', afterBytes: 100_000, method: 'GET' }],
      'SourceUnavailable',
      /bytes/,
    ],
    ['claims too much', [{ kind: 'wrongLength', claim: size + 10 }], 'Source', /bytes|length/],
    [
      'lies about the length in GET',
      [{ kind: 'wrongLength', claim: size - 10, method: 'GET' }],
      'Source',
      /./,
    ],
    ['answers another range', [{ kind: 'wrongRange' }, { kind: 'noHead' }], 'Source', /./],
    ['changes the ETag at every request', [{ kind: 'changingEtag' }], 'SourceChanged', /changed/],
    [
      'changes the content in between',
      [{ kind: 'changeContent', afterRequests: 1 }],
      'SourceChanged',
      /changed/,
    ],
    [
      'hangs before the headers',
      [{ kind: 'hangBeforeHeaders' }],
      'SourceUnavailable',
      /within|answer/,
    ],
    [
      'hangs after the headers',
      [{ kind: 'hangAfterHeaders', method: 'GET' }],
      'SourceUnavailable',
      /./,
    ],
    ['redirects in a circle', [{ kind: 'redirectLoop' }], 'SourceProtocol', /redirect/],
    [
      'never says how long the content is',
      [{ kind: 'chunked' }, { kind: 'noRanges' }],
      'SourceProtocol',
      /how long/,
    ],
  ]
  for (const [what, faults, code, message] of refused) {
    it(`fails with one clear paragraph when it ${what}`, async () => {
      const error = await attempt(faults)
      expect(error?.code).toMatch(new RegExp(`^${code}`))
      expect(error?.blame).toBe('source')
      expect(error?.message).toMatch(message)
      expect(error?.message).toContain(origin.host)
      expect(error?.message.split('\n').length, 'paragraphs').toBe(1)
    })
  }

  it('fails when a bit was flipped and a digest was given', async () => {
    const sound = await origin.digest(`/file-${files - 1}`)
    const error = await attempt([{ kind: 'corrupt', atByte: 12_345 }], {
      digest: `sha256:${sound}`,
    })
    expect(error?.code).toBe('DigestMismatch')
    expect(error?.message).toContain(sound)
  })

  it('says that nobody listens', async () => {
    const [peer] = swarm.peers
    const nobody = 'http://127.0.0.1:1/file'
    await expect(peer!.download(nobody)).rejects.toMatchObject({ code: 'SourceUnavailable' })
  })
})
