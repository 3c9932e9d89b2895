import { closeSync, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs'
import type { PieceFacts, StoredTask } from '@damselfly/storage'
import { openPlace, PlacedPieceReader, PlacedPieceWriter } from '@damselfly/storage/place'
import { forEach } from '../small/downloads.ts'

/** How many pieces are under way at a time, as in one download. */
export const lanes = 4
/** As a socket gives them. */
const chunkBytes = 1024 ** 2

export const facts: PieceFacts = { parentId: 'parent', trafficType: 'remote-peer', costMs: 3 }

/** Writes all pieces as the daemon's threads do: reserved, written and hashed in place, recorded. Returns milliseconds. */
export async function writePieces(task: StoredTask, bytes: Uint8Array): Promise<number> {
  const startedAt = performance.now()
  const open = openPlace(task.place)
  await forEach(task.have.unsetBits(), lanes, async (number) => {
    const reservation = task.reserve(number)
    const writer = new PlacedPieceWriter(open, reservation)
    for (const chunk of chunksAt(bytes, reservation)) {
      writer.write(chunk)
      await writer.ready()
    }
    await reservation.commit({ ...facts, ...(await writer.finish()) })
  })
  await open.close()
  return performance.now() - startedAt
}

/** Reads all pieces as the daemon's threads do. Returns milliseconds. */
export function readPieces(task: StoredTask): number {
  const buffer = new Uint8Array(Math.min(chunkBytes, task.spec.pieceLength))
  using _lease = task.lease()
  const startedAt = performance.now()
  const open = openPlace(task.place)
  for (let number = 0; number < task.pieceCount; number++) {
    const piece = task.piece(number)
    if (piece === undefined) throw new Error(`Piece ${number} is not in the store.`)
    const reader = new PlacedPieceReader(open, piece, piece.seal)
    for (let done = 0; done < piece.length; ) done += reader.read(buffer, done)
  }
  void open.close()
  return performance.now() - startedAt
}

/** What the disk can do: the same bytes into a plain file, synced after each piece when the store does so, too. */
export function writePlainFile(
  path: string,
  bytes: Uint8Array,
  { pieces, pieceLength, isSynced }: { pieces: number; pieceLength: number; isSynced: boolean },
): number {
  const startedAt = performance.now()
  const file = openSync(path, 'w')
  for (let number = 0; number < pieces; number++) {
    const span = { offset: number * pieceLength, length: pieceLength }
    for (const chunk of chunksAt(bytes, span)) writeSync(file, chunk)
    if (isSynced) fdatasyncSync(file)
  }
  closeSync(file)
  return performance.now() - startedAt
}

export function readPlainFile(path: string, pieceLength: number): number {
  const buffer = new Uint8Array(Math.min(chunkBytes, pieceLength))
  const startedAt = performance.now()
  const file = openSync(path, 'r')
  while (readSync(file, buffer) > 0);
  closeSync(file)
  return performance.now() - startedAt
}

/** The bytes of a span, which begin anew whenever the sample is used up. */
export function* chunksAt(
  sample: Uint8Array,
  { offset, length }: { offset: number; length: number },
): Generator<Uint8Array> {
  for (let done = 0; done < length; ) {
    const at = (offset + done) % sample.byteLength
    const size = Math.min(chunkBytes, length - done, sample.byteLength - at)
    yield sample.subarray(at, at + size)
    done += size
  }
}
