import { create } from '@bufbuild/protobuf'
import { durationMs } from '@bufbuild/protobuf/wkt'
import { DownloadSchema } from '@damselfly/api/common'
import { defaultFilteredQueryParams } from '@damselfly/core'
import { describe, expect, it } from 'vitest'
import type { GetFlags } from './get-flags.ts'
import { getRequest } from './get-request.ts'

const url = 'https://example.com/models/model%20a.bin?sig=x'
const defaults: GetFlags = { timeout: '2h', priority: '6', progress: true }

function request(flags: Partial<GetFlags>, given = url, isOutputRequired = false) {
  const { download, ...rest } = getRequest(
    { url: given, flags: { ...defaults, ...flags }, isOutputRequired },
    '/work',
  )
  return { ...rest, download: create(DownloadSchema, download) }
}

it('asks for the whole file in a path of its own when nothing else is said', () => {
  const { output, timeoutMs, isTransfer, download } = request({})
  expect(output).toBe('/work/model a.bin')
  expect(timeoutMs).toBe(7_200_000)
  expect(isTransfer).toBe(false)
  expect(download).toMatchObject({
    url,
    outputPath: '/work/model a.bin',
    priority: 6,
    needPieceContent: false,
    overwrite: false,
    forceHardLink: false,
    disableBackToSource: false,
    filteredQueryParams: defaultFilteredQueryParams,
    requestHeader: {},
  })
  const { range, tag, application, digest, pieceLength } = download
  expect([range, tag, application, digest, pieceLength]).toEqual(Array(5).fill(undefined))
})

it.each<[string, Partial<GetFlags>, object]>([
  ['-O x', { output: 'x' }, { outputPath: '/work/x' }],
  ['-O /a/../b', { output: '/a/../b' }, { outputPath: '/b' }],
  ['--overwrite', { overwrite: true }, { overwrite: true }],
  ['--force-hard-link', { forceHardLink: true }, { forceHardLink: true }],
  ['--transfer-from-dfdaemon', { transferFromDfdaemon: true }, { needPieceContent: true }],
  ['--tag t', { tag: 't' }, { tag: 't' }],
  ['--application a', { application: 'a' }, { application: 'a' }],
  ['-p 3', { priority: '3' }, { priority: 3 }],
  ['--piece-length 8MiB', { pieceLength: '8MiB' }, { pieceLength: 8_388_608n }],
  ['--digest crc32:1', { digest: 'crc32:1' }, { digest: 'crc32:1' }],
  ['--disable-back-to-source', { disableBackToSource: true }, { disableBackToSource: true }],
  ['--filtered-query-param a', { filteredQueryParam: ['a'] }, { filteredQueryParams: ['a'] }],
  [
    '--content-for-calculating-task-id c',
    { contentForCalculatingTaskId: 'c' },
    { contentForCalculatingTaskId: 'c' },
  ],
  ['--range 10-19', { range: '10-19' }, { range: { start: 10n, length: 10n } }],
  ['--range bytes=0-0', { range: 'bytes=0-0' }, { range: { start: 0n, length: 1n } }],
  ['--range 10-', { range: '10-' }, { requestHeader: { Range: 'bytes=10-' } }],
  ['--range -10', { range: '-10' }, { requestHeader: { Range: 'bytes=-10' } }],
  [
    '-H "A: b" -H "C:d : e " -H "a: f"',
    { header: ['A: b', 'C:d : e ', 'a: f'] },
    { requestHeader: { a: 'f', C: 'd : e' } },
  ],
])('translates %s', (_, flags, expected) => {
  expect(request(flags).download).toMatchObject(expected)
})

it('gives the daemon no path when it writes the output itself', () => {
  const { output, download } = request({ transferFromDfdaemon: true, output: 'x' })
  expect(output).toBe('/work/x')
  expect(download.outputPath).toBeUndefined()
})

it('passes the time limit on', () => {
  const { timeoutMs, download } = request({ timeout: '1m30s' })
  expect(timeoutMs).toBe(90_000)
  expect(download.timeout && durationMs(download.timeout)).toBe(90_000)
})

describe('the name of an output that was left out', () => {
  it.each([
    ['https://a/b/c.tar.gz', '/work/c.tar.gz'],
    ['https://a/b/c?x=/d', '/work/c'],
    ['https://a/%E4%BD%A0', '/work/你'],
    ['https://a/%ff', '/work/%ff'],
  ])('of %s is %s', (given, output) => {
    expect(request({}, given).output).toBe(output)
  })

  it.each(['https://a/', 'https://a', 'https://a/b/', 'https://a/..%2Fb', 'https://a/%00'])(
    'of %s has to be given',
    (given) => {
      expect(() => request({}, given)).toThrow('name the file to write with -O FILE')
    },
  )

  it('has to be given to dfget', () => {
    expect(() => request({}, url, true)).toThrow('The output is missing')
  })
})

it.each<[string, Partial<GetFlags>, string]>([
  ['-r', { recursive: true }, 'Directories cannot be downloaded yet'],
  ['-I without -r', { includeFiles: ['*'] }, '--include-files has a meaning with --recursive only'],
  ['--max-files without -r', { maxFiles: '1' }, '--max-files has a meaning'],
  ['--max-concurrent-requests without -r', { maxConcurrentRequests: '1' }, '--max-concurrent'],
  ['a header without a colon', { header: ['secret'] }, '"secret" is not a header'],
  ['a header with a line break', { header: ['A: b\r\nC: d'] }, '"A" is not a header'],
  ['a priority of 7', { priority: '7' }, '"7" is not a level'],
  ['a piece length of 1MiB', { pieceLength: '1MiB' }, '--piece-length: '],
  ['a digest without algorithm', { digest: 'abc' }, '--digest: '],
  ['a range backwards', { range: '9-1' }, '--range: '],
  ['two ranges', { range: '0-1,4-5' }, '--range: '],
  ['a time without unit', { timeout: '30' }, '--timeout: '],
  ['no time', { timeout: '0s' }, 'leaves no time'],
  ['an empty output', { output: '' }, '--output is empty'],
  ['range and digest', { range: '0-1', digest: 'crc32:1' }, '--digest is that of the whole file'],
  [
    'a Range header and digest',
    { header: ['A: b', 'range : bytes=0-1'], digest: 'crc32:1' },
    'leave it out, or leave out the header Range',
  ],
  [
    'a Range header and hard link',
    { header: ['Range: bytes=0-1'], forceHardLink: true },
    'leave out the header Range, or allow a copy',
  ],
  ['range and hard link', { range: '0-1', forceHardLink: true }, 'needs the whole file'],
  [
    'hard link and transfer',
    { forceHardLink: true, transferFromDfdaemon: true },
    'exclude each other',
  ],
])('refuses %s', (_, flags, message) => {
  expect(() => request(flags)).toThrow(message)
})

it('does not repeat the secrets of a URL that it cannot read', () => {
  expect(() => request({}, '//u:p@host/a?token=t')).toThrow('"//host/a" is not a URL')
})
