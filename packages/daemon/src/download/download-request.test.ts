import { create } from '@bufbuild/protobuf'
import { DownloadSchema } from '@damselfly/api/common'
import { isDfError, taskId } from '@damselfly/core'
import { sourceRegistry } from '@damselfly/sources'
import { describe, expect, it } from 'vitest'
import { downloadRequest, jobKey, wantedRange } from './download-request.ts'

const http = {
  schemes: ['http', 'https'],
  stat: () => Promise.reject(new Error('not asked')),
  read: () => Promise.reject(new Error('not asked')),
  close: () => Promise.resolve(),
}
const sources = sourceRegistry([http])
type Init = Parameters<typeof create<typeof DownloadSchema>>[1]
const request = (init: Init) =>
  downloadRequest(create(DownloadSchema, init), sources, { triggered: false })

const errorOf = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    if (isDfError(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('downloadRequest()', () => {
  it('computes the task id from what belongs to it, not from range, headers or digest', () => {
    const plain = request({ url: 'https://example.com', tag: 'foo' })
    const same = request({
      url: 'https://example.com',
      tag: 'foo',
      range: { start: 1n, length: 2n },
      requestHeader: { authorization: 'x' },
    })
    expect(plain.taskId).toBe(taskId({ url: 'https://example.com', tag: 'foo' }))
    expect(same.taskId).toBe(plain.taskId)
  })

  it('takes the Range header out of what the origin is sent', () => {
    const { header, range } = request({
      url: 'http://o/f',
      requestHeader: { range: 'bytes=1-2', 'x-a': 'b' },
    })
    expect(header).toEqual({ 'x-a': 'b' })
    expect(range).toEqual({ header: 'bytes=1-2' })
  })

  it('prefers the range field to the header', () => {
    const both = request({
      url: 'http://o/f',
      range: { start: 5n, length: 5n },
      requestHeader: { Range: 'bytes=1-2' },
    })
    expect(wantedRange(both, 100)).toEqual({ start: 5, length: 5 })
  })

  it('refuses a digest of a range before anything is fetched', () => {
    const digest = `sha256:${'0'.repeat(64)}`
    const range = { start: 1n, length: 2n }
    expect(errorOf(() => request({ url: 'http://o/f', digest, range })).code).toBe(
      'InvalidArgument',
    )
    const requestHeader = { Range: 'bytes=1-2' }
    expect(errorOf(() => request({ url: 'http://o/f', digest, requestHeader })).message).toContain(
      'range',
    )
  })

  it('refuses a missing message, a bad URL and an unknown scheme', () => {
    expect(errorOf(() => downloadRequest(undefined, sources, { triggered: false })).code).toBe(
      'InvalidArgument',
    )
    expect(errorOf(() => request({ url: 'no url' })).code).toBe('InvalidArgument')
    expect(errorOf(() => request({ url: 'ftp://host/file' })).code).toBe('UnknownScheme')
  })
})

describe('wantedRange()', () => {
  it('is undefined for everything and cut at the end of the content', () => {
    expect(wantedRange(request({ url: 'http://o/f' }), 10)).toBeUndefined()
    expect(
      wantedRange(request({ url: 'http://o/f', range: { start: 8n, length: 9n } }), 10),
    ).toEqual({
      start: 8,
      length: 2,
    })
    const header = request({ url: 'http://o/f', requestHeader: { Range: 'bytes=-3' } })
    expect(wantedRange(header, 10)).toEqual({ start: 7, length: 3 })
  })

  it('refuses a range outside the content', () => {
    const outside = request({ url: 'http://o/f', range: { start: 10n, length: 1n } })
    expect(errorOf(() => wantedRange(outside, 10)).message).toContain('10 bytes')
  })
})

describe('jobKey()', () => {
  it('joins equal requests and keeps apart other ranges, credentials, rights and triggers', () => {
    const all = request({ url: 'http://o/f' })
    expect(jobKey(request({ url: 'http://o/f' }))).toBe(jobKey(all))
    const keys = [
      all,
      request({ url: 'http://o/f', range: { start: 0n, length: 4n } }),
      request({ url: 'http://o/f', requestHeader: { range: 'bytes=0-3' } }),
      request({ url: 'http://o/f', needBackToSource: true }),
      request({ url: 'http://o/f', disableBackToSource: true }),
      request({ url: 'http://o/f', requestHeader: { authorization: 'Bearer a' } }),
      request({ url: 'http://o/f', requestHeader: { authorization: 'Bearer b' } }),
      request({ url: 'http://o/g' }),
    ].map(jobKey)
    expect(new Set(keys).size).toBe(keys.length)
  })
})
