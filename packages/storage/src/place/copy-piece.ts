import * as fs from 'node:fs'
import { diskError } from '../disk-errors.ts'
import type { ContentPlace, PieceSeal, PlacedSpan } from './content-place.ts'
import { openPlace } from './open-place.ts'
import { PlacedPieceReader } from './placed-reader.ts'

/** One write to fresh pages does not get faster by being larger. */
const bufferBytes = 1024 * 1024

/** Bytes of one piece that are to be copied. All of it survives structured clone. */
export interface PieceCopy {
  readonly place: ContentPlace
  readonly span: PlacedSpan
  readonly seal?: PieceSeal
  /** In the piece. */
  readonly part: PlacedSpan
  readonly to: {
    /** A file that is there. */
    readonly path: string
    /** In the file. */
    readonly offset: number
    /** What messages call it. */
    readonly name: string
  }
}

/**
 * Copies bytes of a piece from its place into a file, in a thread that may wait for the disk. Errors: those of
 * `PlacedPieceReader.read`; `DiskFull`, `DiskFailed` of the file.
 */
export function copyPiece({ place, span, seal, part, to }: PieceCopy): void {
  const open = openPlace(place)
  try {
    const reader = new PlacedPieceReader(open, span, seal)
    const output = openOutput(to)
    try {
      buffer ??= new Uint8Array(bufferBytes)
      for (let done = 0; done < part.length; ) {
        const count = reader.read(buffer.subarray(0, part.length - done), part.offset + done)
        output.write(buffer.subarray(0, count), to.offset + done)
        done += count
      }
    } finally {
      output.close()
    }
  } finally {
    void open.close()
  }
}

/** Of this thread. */
let buffer: Uint8Array | undefined

function openOutput({ path, name }: PieceCopy['to']) {
  const attempt = <T>(action: () => T): T => {
    try {
      return action()
    } catch (error) {
      throw diskError(error, 'Writing the output', name)
    }
  }
  const file = attempt(() => fs.openSync(path, 'r+'))
  return {
    write: (bytes: Uint8Array, offset: number): void =>
      attempt(() => {
        for (let done = 0; done < bytes.byteLength; ) {
          done += fs.writeSync(file, bytes, done, bytes.byteLength - done, offset + done)
        }
      }),
    close: (): void => fs.closeSync(file),
  }
}
