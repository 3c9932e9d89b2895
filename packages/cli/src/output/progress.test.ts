import { DfError } from '@damselfly/core'
import { expect, it } from 'vitest'
import { fakeIo } from '../../test/support/fake-io.ts'
import { Interrupted } from '../interrupted.ts'
import { barReporter } from './bar-reporter.ts'
import { jsonReporter } from './json-reporter.ts'
import { lineReporter } from './progress.ts'

const mib = 1024 * 1024
const sizeBytes = 100 * mib

function at(doneBytes: number) {
  const shares = { origin: 0, seed: 0, peers: doneBytes, cache: 0 }
  return { taskId: 't', hostId: 'h', peerId: 'p', sizeBytes, doneBytes, shares, pieceCount: 25 }
}

const summary = {
  name: 'a.bin',
  output: '/data/a.bin',
  sizeBytes,
  elapsedMs: 10_000,
  shares: at(sizeBytes).shares,
}

function clock() {
  let nowMs = 0
  const advance = (ms: number): void => {
    nowMs += ms
  }
  return { now: () => nowMs, advance }
}

it('writes plain lines to a pipe: the start, each tenth, the summary', () => {
  const io = fakeIo()
  const { now, advance } = clock()
  const reporter = lineReporter('a.bin', io, now)
  reporter.started(at(0))
  for (let piece = 1; piece <= 25; piece++) {
    advance(400)
    reporter.progress(at(piece * 4 * mib))
  }
  reporter.finished(summary, at(sizeBytes))
  const lines = io.err().trimEnd().split('\n')
  expect(lines[0]).toBe('a.bin: downloading 100 MiB')
  expect(lines[1]).toBe('a.bin: 12%, 12 MiB of 100 MiB, 10 MiB/s, peers 100%')
  expect(lines).toHaveLength(11)
  expect(lines.at(-1)).toBe('a.bin: 100 MiB in 10s (10 MiB/s), peers 100%, saved to /data/a.bin')
  expect(io.out()).toBe('')
})

it('writes a plain line after five seconds although no tenth has come', () => {
  const io = fakeIo()
  const { now, advance } = clock()
  const reporter = lineReporter('a.bin', io, now)
  reporter.started(at(0))
  advance(4_999)
  reporter.progress(at(mib))
  advance(1)
  reporter.progress(at(2 * mib))
  expect(io.err().trimEnd().split('\n')).toEqual([
    'a.bin: downloading 100 MiB',
    'a.bin: 2%, 2 MiB of 100 MiB, 409.6 KiB/s, peers 100%',
  ])
})

it('draws a bar on a terminal and leaves only the summary there', () => {
  const io = fakeIo({ isTty: true })
  const { now, advance } = clock()
  const reporter = barReporter('a.bin', io, now)
  reporter.started(at(0))
  advance(1_000)
  reporter.progress(at(10 * mib))
  reporter.finished(summary, at(sizeBytes))
  const text = io.err()
  expect(text).toContain('  0%')
  expect(text).toContain(' 10%    10 MiB    10 MiB/s    9s peers 100%')
  // The bar's line is erased before the summary is written.
  const erased = text.lastIndexOf('\u001b[2K')
  expect(text.slice(erased + 4)).toBe(
    'a.bin: 100 MiB in 10s (10 MiB/s), peers 100%, saved to /data/a.bin\n',
  )
  expect(text).not.toContain('\u001b[?7l')
  expect(text).not.toContain('\u001b[?25l')
})

it('erases the bar when the download fails', () => {
  const io = fakeIo({ isTty: true })
  const reporter = barReporter('a.bin', io, clock().now)
  reporter.started(at(0))
  reporter.failed(new Error('x'))
  expect(io.err().endsWith('\u001b[2K')).toBe(true)
})

it('draws nothing when a download fails before it began', () => {
  const io = fakeIo({ isTty: true })
  barReporter('a.bin', io, clock().now).failed(new Error('x'))
  expect(io.err()).toBe('')
})

it('writes JSON lines, progress not more often than four times a second', () => {
  const io = fakeIo()
  const { now, advance } = clock()
  const reporter = jsonReporter({ url: 'http://a/a.bin', output: '/data/a.bin' }, io, now)
  reporter.started(at(0))
  for (let piece = 1; piece <= 6; piece++) {
    advance(100)
    reporter.progress(at(piece * mib))
  }
  reporter.finished(summary, at(sizeBytes))
  const events = io
    .out()
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
  expect(events).toMatchObject([
    { event: 'started', url: 'http://a/a.bin', taskId: 't', sizeBytes, pieceCount: 25 },
    { event: 'progress', doneBytes: mib, bytesPerSec: 10 * mib, shares: { peers: mib } },
    { event: 'progress', doneBytes: 4 * mib },
    { event: 'finished', output: '/data/a.bin', elapsedMs: 10_000, bytesPerSec: 10 * mib },
  ])
  expect(io.err()).toBe('')
})

it.each([
  [new DfError('Timeout', 'too long'), { code: 'Timeout', exitCode: 7, retryable: true }],
  [new Interrupted('SIGTERM'), { code: 'Interrupted', exitCode: 143 }],
  [new TypeError('bug'), { code: 'Internal', exitCode: 1 }],
])('tells %s as JSON', (error, expected) => {
  const io = fakeIo()
  jsonReporter({ url: 'u', output: 'o' }, io, clock().now).failed(error)
  expect(JSON.parse(io.out())).toMatchObject({ event: 'error', url: 'u', ...expected })
})
