import { pieceGeometry, systemClock } from '@damselfly/core'
import type { SourceBody } from '@damselfly/sources'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CutSink, cutBody } from './cut-body.ts'

const content = Uint8Array.from({ length: 100 }, (_, i) => i)

function body(start: number, chunkLengths: readonly number[], end = content.byteLength) {
  const state = { isLeft: false }
  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      let at = start
      for (let i = 0; at < end; i++) {
        const length = Math.min(chunkLengths[i % chunkLengths.length] ?? 1, end - at)
        yield content.subarray(at, at + length)
        at += length
      }
    } finally {
      state.isLeft = true
    }
  }
  const made: SourceBody = { start, contentLength: 100, header: {}, bytes: bytes() }
  return { made, state }
}

/** Keeps what it is told to keep. */
class Shelf {
  readonly whole = new Map<number, Uint8Array>()
  readonly abandoned: number[] = []
  readonly #keep: (piece: number) => 'keep' | 'skip' | 'end'

  constructor(keep: (piece: number) => 'keep' | 'skip' | 'end' = () => 'keep') {
    this.#keep = keep
  }

  begins = (): boolean => true

  async open(piece: number): Promise<CutSink | 'skip' | 'end'> {
    const order = this.#keep(piece)
    if (order !== 'keep') return order
    const parts: Uint8Array[] = []
    let isComplete = false
    return {
      write: (chunk) => void parts.push(chunk.slice()),
      complete: () => {
        isComplete = true
        this.whole.set(piece, Uint8Array.from(Buffer.concat(parts)))
      },
      abandon: () => {
        if (!isComplete) this.abandoned.push(piece)
      },
    }
  }
}

describe('cutBody', () => {
  it('puts every byte into its piece, however the body is chunked', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 120 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
        fc.nat(99),
        async (pieceLength, chunks, from) => {
          const geometry = pieceGeometry(100, pieceLength)
          const first = Math.floor(from / pieceLength)
          const shelf = new Shelf()
          const { made } = body(first * pieceLength, chunks)
          await cutBody(made, geometry, shelf, systemClock)
          expect([...shelf.whole.keys()]).toEqual(
            Array.from({ length: geometry.pieceCount - first }, (_, i) => first + i),
          )
          expect(Buffer.concat([...shelf.whole.values()])).toEqual(
            Buffer.from(content.subarray(first * pieceLength)),
          )
        },
      ),
    )
  })

  it('passes over what is not wanted and leaves at the end of what is', async () => {
    const shelf = new Shelf((piece) => (piece === 0 ? 'skip' : piece === 2 ? 'end' : 'keep'))
    const { made, state } = body(0, [7])
    await cutBody(made, pieceGeometry(100, 10), shelf, systemClock)
    expect([...shelf.whole.keys()]).toEqual([1])
    expect(state.isLeft).toBe(true)
  })

  it('does not read a body that is not wanted', async () => {
    const { made } = body(0, [7])
    const refused = { begins: () => false, open: () => expect.unreachable() }
    await cutBody(made, pieceGeometry(100, 10), refused, systemClock)
    expect((await made.bytes[Symbol.asyncIterator]().next()).done).toBe(true)
  })

  it('abandons the piece in which the body ends', async () => {
    const shelf = new Shelf()
    const { made } = body(0, [7], 25)
    await cutBody(made, pieceGeometry(100, 10), shelf, systemClock)
    expect([[...shelf.whole.keys()], shelf.abandoned]).toEqual([[0, 1], [2]])
  })

  it('abandons a piece that cannot be written, and leaves the body', async () => {
    const { made, state } = body(0, [7])
    let isAbandoned = false
    const full = {
      begins: () => true,
      open: async (): Promise<CutSink> => ({
        write: () => {
          throw new Error('full')
        },
        complete: () => expect.unreachable(),
        abandon: () => {
          isAbandoned = true
        },
      }),
    }
    await expect(cutBody(made, pieceGeometry(100, 10), full, systemClock)).rejects.toThrow('full')
    expect([isAbandoned, state.isLeft]).toEqual([true, true])
  })
})
