import { DfError, type Endpoint } from '@damselfly/core'
import {
  decodeError,
  decodeFrameHeader,
  decodePieceContent,
  type FrameHeader,
  frameHeaderBytes,
} from './codec.ts'
import { PackedReader } from './packed-blocks.ts'
import { answeredError, endpointText } from './peer-errors.ts'
import type { FetchedPiece, PieceHeader, TaskFamily } from './piece.ts'

export interface ExpectedAnswer {
  readonly endpoint: Endpoint
  readonly family: TaskFamily
  readonly number: number
  readonly expectedLength: number
  /** Packed content is an answer, too. */
  readonly isPackedWelcome: boolean
}

/** head -> content | blocks -> end, or head -> refused. */
type Stage =
  | { readonly at: 'head' }
  | { readonly at: 'content'; readonly header: PieceHeader }
  | { readonly at: 'blocks'; readonly header: PieceHeader; readonly reader: PackedReader }
  | { readonly at: 'end'; readonly header: PieceHeader }
  | { readonly at: 'refused'; readonly error: DfError }

/**
 * Reads the answer to one request from whatever pieces a socket cuts it into. Does no input or output: `read` takes
 * bytes from the front and leaves in `content` what is for the sink.
 *
 * Its memory is bounded whatever the peer sends: a head that arrives in parts (16 KiB) and one packed block (1 MiB).
 */
export class AnswerReader {
  readonly #expected: ExpectedAnswer
  /** The head, when it came in parts. */
  #head: { bytes: Uint8Array; size: number } | undefined
  #stage: Stage = { at: 'head' }
  /** Plain bytes of content that have not been handed out. */
  #missing: number
  /** Bytes of content as they came. */
  #travelled = 0
  /** Content that the last `read` has found; a part of what it was given, or memory of its own. */
  content: Uint8Array | undefined

  constructor(expected: ExpectedAnswer) {
    this.#expected = expected
    this.#missing = expected.expectedLength
  }

  /** Some byte of the answer has come. */
  get hasBegun(): boolean {
    return this.#stage.at !== 'head' || this.#head !== undefined
  }

  /** What the answer is, when it has come as a whole; the error is what the peer said instead of a piece. */
  get answer(): { readonly piece: FetchedPiece } | { readonly error: DfError } | undefined {
    const stage = this.#stage
    if (stage.at === 'refused') return stage
    if (stage.at !== 'end') return undefined
    return { piece: { ...stage.header, travelledBytes: this.#travelled } }
  }

  /** Bytes of content that come as they are and have not come yet; 0 while that is not known. */
  get plainBytesAhead(): number {
    return this.#stage.at === 'content' ? this.#missing : 0
  }

  /** How far it has come, for an error message. */
  get progress(): string {
    if (!('header' in this.#stage)) return 'before the answer was complete'
    const { expectedLength } = this.#expected
    return `after ${expectedLength - this.#missing} of ${expectedLength} bytes`
  }

  /**
   * Returns how many bytes it has taken, at least one unless there are none or the answer is complete. Throws
   * `PeerProtocol`; after that nothing on the connection can be understood.
   */
  read(bytes: Uint8Array): number {
    this.content = undefined
    const stage = this.#stage
    switch (stage.at) {
      case 'head':
        return this.#readHead(bytes)
      case 'content':
        return this.#readContent(bytes)
      case 'blocks':
        return this.#readBlock(bytes, stage.reader)
      case 'end':
      case 'refused':
        return 0
    }
  }

  #readHead(bytes: Uint8Array): number {
    if (this.#head === undefined) {
      // In one stretch, as almost always: it is read where it lies.
      const end = headEnd(bytes)
      if (end !== undefined && end <= bytes.byteLength) {
        this.#take(bytes.subarray(0, end))
        return end
      }
      if (bytes.byteLength === 0) return 0
      this.#head = { bytes: new Uint8Array(end ?? frameHeaderBytes), size: 0 }
    }
    return this.#collectHead(this.#head, bytes)
  }

  #collectHead(head: { bytes: Uint8Array; size: number }, bytes: Uint8Array): number {
    const count = Math.min(bytes.byteLength, head.bytes.byteLength - head.size)
    head.bytes.set(bytes.subarray(0, count), head.size)
    head.size += count
    if (head.size < head.bytes.byteLength) return count
    const end = headEnd(head.bytes) ?? 0
    if (head.size === end) {
      this.#take(head.bytes)
    } else {
      const longer = new Uint8Array(end)
      longer.set(head.bytes)
      head.bytes = longer
    }
    return count
  }

  /** `frame` is the whole head. */
  #take(frame: Uint8Array): void {
    const { type, family } = this.#checkFrame(frame.subarray(0, frameHeaderBytes))
    const value = frame.subarray(frameHeaderBytes)
    if (type === 'error') {
      const error = answeredError(this.#expected.endpoint, decodeError(value))
      this.#stage = { at: 'refused', error }
      return
    }
    if (family !== this.#expected.family) throw this.#anotherFrame()
    const header = decodePieceContent(value)
    const { number, expectedLength } = this.#expected
    if (header.number !== number || header.length !== expectedLength) {
      const sent = `piece ${header.number} of ${header.length} bytes`
      throw this.#unexpected(`sends ${sent} instead of piece ${number} of ${expectedLength}`)
    }
    if (expectedLength === 0) this.#stage = { at: 'end', header }
    else if (type === 'content') this.#stage = { at: 'content', header }
    else this.#stage = { at: 'blocks', header, reader: new PackedReader(expectedLength) }
  }

  #checkFrame(bytes: Uint8Array): {
    type: 'content' | 'packedContent' | 'error'
    family?: TaskFamily
  } {
    const frame: FrameHeader = decodeFrameHeader(bytes)
    switch (frame.type) {
      case 'error':
        return { type: 'error' }
      case 'content':
        return frame as { type: 'content'; family: TaskFamily }
      case 'packedContent':
        if (this.#expected.isPackedWelcome) {
          return frame as { type: 'packedContent'; family: TaskFamily }
        }
        throw this.#anotherFrame()
      default:
        throw this.#anotherFrame()
    }
  }

  #readContent(bytes: Uint8Array): number {
    const count = Math.min(bytes.byteLength, this.#missing)
    this.content = count === bytes.byteLength ? bytes : bytes.subarray(0, count)
    this.#travelled += count
    this.#handOut(count)
    return count
  }

  #readBlock(bytes: Uint8Array, reader: PackedReader): number {
    const count = reader.read(bytes)
    this.#travelled += count
    this.content = reader.content
    if (reader.content !== undefined) this.#handOut(reader.content.byteLength)
    return count
  }

  #handOut(count: number): void {
    this.#missing -= count
    if (this.#missing === 0 && 'header' in this.#stage) {
      this.#stage = { at: 'end', header: this.#stage.header }
    }
  }

  #anotherFrame(): DfError {
    return this.#unexpected(
      `answered a request for a ${this.#expected.family} piece by another frame`,
    )
  }

  #unexpected(what: string): DfError {
    const endpoint = endpointText(this.#expected.endpoint)
    return new DfError('PeerProtocol', `The peer at ${endpoint} ${what}.`, {
      details: { endpoint },
    })
  }
}

/** Where the frame that begins here ends (its content not counted); `undefined` when it is not known yet. */
function headEnd(bytes: Uint8Array): number | undefined {
  if (bytes.byteLength < frameHeaderBytes) return undefined
  return frameHeaderBytes + decodeFrameHeader(bytes.subarray(0, frameHeaderBytes)).length
}
