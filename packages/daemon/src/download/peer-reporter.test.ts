import { FakeClock } from '@damselfly/core/testing'
import { describe, expect, test } from 'vitest'
import type { Report } from '../announce/scheduler-following.ts'
import { PeerReporter } from './peer-reporter.ts'

function reporterOf(wantedPieces: number) {
  const clock = new FakeClock()
  const reports: Report[] = []
  const following = { isOpen: true, report: (report: Report) => void reports.push(report) }
  const received = () => ({
    rate: 10.4,
    bytes: { origin: 0, seed: 5, near: 7, far: 0 },
    slow: ['slow-peer'],
  })
  const deps = { following, received, uplink: () => 99, clock }
  const reporter = new PeerReporter({ peerId: 'me', wantedPieces }, deps)
  return { clock, reporter, reports, following }
}

describe('PeerReporter', () => {
  test('tells the first piece and the half at once, the others once per second', async () => {
    const { clock, reporter, reports } = reporterOf(100)
    for (let piece = 0; piece < 60; piece++) reporter.pieceFinished(piece)
    expect(reports.map(({ pieces }) => pieces?.length)).toEqual([1, 49])
    await clock.advance(1_000)
    expect(reports.map(({ pieces }) => pieces?.length)).toEqual([1, 49, 10])
    await clock.advance(10_000)
    expect(reports).toHaveLength(3)
  })

  test('tells of few pieces one by one', () => {
    const { reporter, reports } = reporterOf(3)
    for (let piece = 0; piece < 3; piece++) reporter.pieceFinished(piece)
    expect(reports).toHaveLength(3)
  })

  test('says what came, and who failed, once', () => {
    const { reporter, reports } = reporterOf(2)
    reporter.parentFailed('bad')
    reporter.parentFailed('bad')
    reporter.pieceFinished(1)
    reporter.pieceFinished(0)
    expect(reports).toMatchObject([
      {
        peerId: 'me',
        pieces: [1],
        rate: 10n,
        seedBytes: 5n,
        nearBytes: 7n,
        failedParents: ['bad'],
        slowParents: ['slow-peer'],
        uplink: 99n,
      },
      { pieces: [0], failedParents: [] },
    ])
  })

  test('leaves it to others when nobody takes reports', () => {
    const { reporter, reports, following } = reporterOf(10)
    following.isOpen = false
    expect(reporter.pieceFinished(1)).toBe(false)
    expect(reports).toEqual([])
  })

  test('tells what is left at its end, and nothing after it', async () => {
    const { clock, reporter, reports } = reporterOf(100)
    reporter.pieceFinished(0)
    reporter.pieceFinished(1)
    reporter.stop()
    reporter.stop()
    await clock.advance(5_000)
    expect(reports.map(({ pieces }) => pieces)).toEqual([[0], [1]])
  })

  test('tells of bytes whose pieces are told in another way', async () => {
    const { clock, reporter, reports } = reporterOf(100)
    reporter.bytesCame()
    reporter.bytesCame()
    await clock.advance(1_000)
    expect(reports).toMatchObject([{ pieces: [], seedBytes: 5n }])
  })
})
