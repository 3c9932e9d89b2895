import { systemClock, systemNetwork, systemRandom } from '@damselfly/core'
import { openPlace, PlacedPieceReader } from '@damselfly/storage/place'
import type { PieceServer, ServedPiece } from '@damselfly/transport'
import { servePieces } from './serve-pieces.ts'
import type { ThreadContext } from './thread-context.ts'
import type { LeaseMethods, OpenAnswer, SendMethods } from './thread-methods.ts'

/** Serves pieces: which ones there are the control thread knows, their bytes are read here. */
export function sendMethods({ log, control }: ThreadContext<LeaseMethods>): SendMethods {
  const world = { clock: systemClock, random: systemRandom, network: systemNetwork, log }
  let server: PieceServer | undefined
  const served = (piece: OpenAnswer): ServedPiece => {
    const open = openPlace(piece.place)
    const reader = new PlacedPieceReader(open, piece.span, piece.seal)
    return {
      ...piece.header,
      read: (buffer, offset) => reader.read(buffer, offset),
      release(sentBytes) {
        open.close()
        control().tell('released', { lease: piece.lease, sentBytes })
      },
    }
  }
  return {
    async serve(options) {
      server = await servePieces(options, world, async (family, taskId, number) => {
        // Not to be given up half-way: the answer holds a lease.
        const piece = await control().call('open', { family, taskId, number })
        try {
          return served(piece)
        } catch (error) {
          control().tell('released', { lease: piece.lease, sentBytes: 0 })
          throw error
        }
      })
      const { endpoint, secureEndpoint } = server
      return { endpoint, secureEndpoint }
    },
    async stop() {
      await server?.stop()
    },
  }
}
