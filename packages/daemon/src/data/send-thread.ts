import { systemClock, systemNetwork, systemRandom } from '@damselfly/core'
import { openPlace, PlacedPieceReader } from '@damselfly/storage/place'
import type { PieceServer, PieceServerDeps, ServedPiece } from '@damselfly/transport'
import { servePieces } from './serve-pieces.ts'
import type { ThreadContext } from './thread-context.ts'
import type { LeaseMethods, OpenAnswer, SendMethods } from './thread-methods.ts'

/** Serves pieces: which ones there are the control thread knows, their bytes are read here. */
export function sendMethods({ log, control }: ThreadContext<LeaseMethods>): SendMethods {
  const world = { clock: systemClock, random: systemRandom, network: systemNetwork, log }
  let server: PieceServer | undefined
  let wireBytes = 0
  const released = (lease: number, sentBytes: number, isSuspect: boolean): void => {
    control().tell('released', { lease, sentBytes, wireBytes, isSuspect })
    wireBytes = 0
  }
  const served = (piece: OpenAnswer): ServedPiece => {
    const open = openPlace(piece.place)
    const reader = new PlacedPieceReader(open, piece.span, piece.seal)
    let isSuspect = false
    return {
      ...piece.header,
      read(buffer, offset) {
        isSuspect = true
        const count = reader.read(buffer, offset)
        isSuspect = false
        return count
      },
      release(sentBytes) {
        void open.close()
        released(piece.lease, sentBytes, isSuspect)
      },
    }
  }
  return {
    async serve(options) {
      const open: PieceServerDeps['open'] = async (family, taskId, number) => {
        // Not to be given up half-way: the answer holds a lease.
        const piece = await control().call('open', { family, taskId, number })
        try {
          return served(piece)
        } catch (error) {
          released(piece.lease, 0, true)
          throw error
        }
      }
      const onSent = (bytes: number): void => {
        wireBytes += bytes
      }
      server = await servePieces(options, { ...world, open, onSent })
      const { endpoint, secureEndpoint } = server
      return { endpoint, secureEndpoint }
    },
    async stop() {
      await server?.stop()
    },
  }
}
