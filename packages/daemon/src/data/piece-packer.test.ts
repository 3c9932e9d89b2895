import { randomBytes } from 'node:crypto'
import { systemClock } from '@damselfly/core'
import type { ServedPiece } from '@damselfly/transport'
import { describe, expect, it } from 'vitest'
import { piecePacker } from './piece-packer.ts'

const MB = 1e6

function piece(content: Uint8Array, read?: ServedPiece['read']): ServedPiece {
  return {
    number: 0,
    offset: 0,
    length: content.byteLength,
    digest: '',
    parentId: '',
    costMs: 0,
    createdAt: 0,
    read:
      read ??
      ((buffer, offset) => {
        const part = content.subarray(offset, offset + buffer.byteLength)
        buffer.set(part)
        return part.byteLength
      }),
    release: () => {},
  }
}

const text = Buffer.from('2026-11-22 INFO a line as logs have them\n'.repeat(10_000))
const link = (bytesPerSec?: number) => ({ child: '10.0.0.1', taskId: 't', bytesPerSec })
const packer = (limit = Number.POSITIVE_INFINITY) =>
  piecePacker({ clock: systemClock, limit: () => limit })

describe('a piece travels', () => {
  it('packed when it shrinks and the link is slow', () => {
    expect(packer()(piece(text), link(5 * MB))).toBeTypeOf('number')
  })

  it('packed when it shrinks and uploads are limited', () => {
    expect(packer(5 * MB)(piece(text), link(undefined))).toBeTypeOf('number')
  })

  it('plain when the link is fast, or nothing is known of it', () => {
    expect(packer()(piece(text), link(2_000 * MB))).toBeUndefined()
    expect(packer()(piece(text), link(undefined))).toBeUndefined()
  })

  it('plain when it does not shrink', () => {
    expect(packer()(piece(randomBytes(300_000)), link(5 * MB))).toBeUndefined()
  })

  it('plain when it is too short to tell', () => {
    expect(packer()(piece(text.subarray(0, 1_000)), link(1_000))).toBeUndefined()
  })

  it('plain when a sample would have to be waited for, or cannot be read', async () => {
    const slow = piece(text, () => Promise.reject(new Error('broken disk')))
    expect(packer()(slow, link(5 * MB))).toBeUndefined()
  })
})
