import { DfError } from '@damselfly/core'
import type { PieceHeader, TaskFamily } from './piece.ts'

/*
 * Frames of the piece protocol (interop.md 3.2). All integers are big-endian:
 * packet id u8 | tag u8 | length u32 | value. The bytes of a piece follow a content frame without being counted in its length.
 *
 * Between our own daemons, which know each other by `damselfly.v1.Peer/Describe`, four things are added; a Dragonfly peer
 * would drop the connection at any of them, so it never gets one:
 * - tags 16, 18, 20: a *kept* request. The value is that of a request and one byte of flags (bit 0: the answer may be
 *   packed; bit 1: the piece is not urgent; the others are 0 and ignored). The connection stays open for more of them, and
 *   they may be sent before the ones before them are answered. Answers come in the order of the requests.
 * - tags 17, 19, 21: *packed* content. The value is the metadata block of the plain piece; then follow, for each MiB of the
 *   plain piece (the last one may be shorter), a u32 and bytes: see packed-blocks.ts.
 * - error code 64: overloaded. The peer has the piece but too many wait for theirs.
 * - after an error frame the connection goes on.
 */

export const frameHeaderBytes = 6
/** 64 ASCII characters of task id and a u32. */
export const requestValueBytes = 68
/** The same and a byte of flags. */
export const keptRequestValueBytes = 69
/** Everything in a metadata block but digest and parent id. */
const fixedMetadataBytes = 49
/** The longest digest known, sha512 in hex, has 135 characters. */
const maxDigestBytes = 256
/** `<ip>-<host name>-<uuid>-seed`: a host name has at most 255. */
const maxParentIdBytes = 1024
/** More than any valid metadata block and any sensible error message. */
export const maxValueBytes = 16 * 1024
/** Rust reads the time with chrono, which ends in the year 262142; `Date` goes a little further. */
const maxUnixSec = 8_200_000_000_000
/** Rust's value for "from a remote peer"; it sends no other. */
const trafficTypeRemotePeer = 1

const familyTags = {
  standard: { request: 0, content: 1, keptRequest: 16, packedContent: 17 },
  persistent: { request: 2, content: 3, keptRequest: 18, packedContent: 19 },
  'persistent-cache': { request: 4, content: 5, keptRequest: 20, packedContent: 21 },
} as const satisfies Record<TaskFamily, Record<FamilyFrame, number>>
type FamilyFrame = 'request' | 'content' | 'keptRequest' | 'packedContent'
const closeTag = 254
const errorTag = 255

const flagPacked = 1
const flagBackground = 2

/** What an error frame can say. Dragonfly reserves 4 to 255; `overloaded` is said to our own only. */
export const errorFrameCodes = {
  unknown: 0,
  invalidArgument: 1,
  notFound: 2,
  internal: 3,
  overloaded: 64,
} as const
export type ErrorFrameCode = (typeof errorFrameCodes)[keyof typeof errorFrameCodes]

export type FrameType =
  | { readonly type: FamilyFrame; readonly family: TaskFamily }
  | { readonly type: 'close' }
  | { readonly type: 'error' }

export type FrameHeader = FrameType & { readonly packetId: number; readonly length: number }

export interface PieceRequestFrame {
  readonly family: TaskFamily
  readonly taskId: string
  readonly number: number
  /** Any byte; nothing is matched by it. */
  readonly packetId: number
  /** Only for peers of our own: the connection stays open. */
  readonly kept?: KeptRequest | undefined
}

export interface KeptRequest {
  /** The answer may be packed content. */
  readonly isPackedWelcome: boolean
  /** Others come first. */
  readonly isBackground: boolean
}

const encoder = new TextEncoder()
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function encodeRequest(request: PieceRequestFrame): Uint8Array {
  const { family, taskId, number, packetId, kept } = request
  if (!/^[\x21-\x7e]{64}$/.test(taskId)) {
    const why = 'the piece protocol carries ids of exactly 64 ASCII characters'
    throw new DfError('InvalidArgument', `Task "${taskId}" cannot be asked for: ${why}.`)
  }
  checkInteger('piece number', number, 0xffff_ffff)
  const { frame, value } =
    kept === undefined
      ? allocate(familyTags[family].request, packetId, requestValueBytes)
      : allocate(familyTags[family].keptRequest, packetId, keptRequestValueBytes)
  encoder.encodeInto(taskId, frame.subarray(frameHeaderBytes))
  value.setUint32(64, number)
  if (kept !== undefined) value.setUint8(requestValueBytes, encodeFlags(kept))
  return frame
}

function encodeFlags({ isPackedWelcome, isBackground }: KeptRequest): number {
  return (isPackedWelcome ? flagPacked : 0) | (isBackground ? flagBackground : 0)
}

/** Reads the value of a request frame. */
export function decodeRequest(value: Uint8Array): { taskId: string; number: number } {
  expectLength('a request', value.byteLength, requestValueBytes)
  for (const byte of value.subarray(0, 64)) {
    if (byte < 0x21 || byte > 0x7e) throw broken('the task id is not printable ASCII')
  }
  const taskId = strictDecoder.decode(value.subarray(0, 64))
  return { taskId, number: viewOf(value).getUint32(64) }
}

/** Reads the value of a kept request. Flags that are not known are ignored. */
export function decodeKeptRequest(
  value: Uint8Array,
): { taskId: string; number: number } & KeptRequest {
  expectLength('a kept request', value.byteLength, keptRequestValueBytes)
  const flags = value[requestValueBytes] ?? 0
  return {
    ...decodeRequest(value.subarray(0, requestValueBytes)),
    isPackedWelcome: (flags & flagPacked) !== 0,
    isBackground: (flags & flagBackground) !== 0,
  }
}

/** Reads the first six bytes of a frame; also checks that the length is one that such a frame can have. */
export function decodeFrameHeader(bytes: Uint8Array): FrameHeader {
  expectLength('a frame header', bytes.byteLength, frameHeaderBytes)
  const view = viewOf(bytes)
  const frame = frameType(view.getUint8(1))
  const length = view.getUint32(2)
  const [least, most] = valueLimits(frame)
  if (length < least || length > most) {
    throw broken(`the value of its ${frame.type} frame has ${length} bytes`)
  }
  return { ...frame, packetId: view.getUint8(0), length }
}

/** Frame header and metadata block; the content comes next on the wire, packed when `form` says so. */
export function encodePieceContent(
  header: PieceHeader,
  family: TaskFamily,
  packetId: number,
  form: 'content' | 'packedContent' = 'content',
): Uint8Array {
  const digest = encodeText('digest', header.digest, maxDigestBytes)
  const parentId = encodeText('parent id', header.parentId, maxParentIdBytes)
  const length = fixedMetadataBytes + digest.byteLength + parentId.byteLength
  const { frame, value } = allocate(familyTags[family][form], packetId, length)
  value.setUint32(0, length - 4)
  value.setUint32(4, checkInteger('piece number', header.number, 0xffff_ffff))
  setUint64(value, 8, checkInteger('piece offset', header.offset))
  setUint64(value, 16, checkInteger('piece length', header.length))
  value.setUint32(24, digest.byteLength)
  frame.set(digest, frameHeaderBytes + 28)
  let at = 28 + digest.byteLength
  value.setUint32(at, parentId.byteLength)
  frame.set(parentId, frameHeaderBytes + at + 4)
  at += 4 + parentId.byteLength
  value.setUint8(at, trafficTypeRemotePeer)
  setUint64(value, at + 1, checkInteger('cost', Math.floor(header.costMs / 1000)))
  const createdAtSec = Math.floor(header.createdAt / 1000)
  if (!(Math.abs(createdAtSec) <= maxUnixSec)) throw unsendable('creation time', header.createdAt)
  value.setBigInt64(at + 9, BigInt(createdAtSec))
  return frame
}

/** Reads a metadata block, the value of a content frame. */
export function decodePieceContent(block: Uint8Array): PieceHeader {
  const size = block.byteLength
  if (size < fixedMetadataBytes) throw broken(`a metadata block has only ${size} bytes`)
  const view = viewOf(block)
  expectLength('metadata', view.getUint32(0), size - 4)
  const room = size - fixedMetadataBytes
  const digestBytes = view.getUint32(24)
  if (digestBytes > Math.min(room, maxDigestBytes)) {
    throw broken(`a digest of ${digestBytes} bytes does not fit`)
  }
  const digest = decodeText('digest', block.subarray(28, 28 + digestBytes))
  let at = 28 + digestBytes
  const parentBytes = view.getUint32(at)
  if (parentBytes > maxParentIdBytes) throw broken(`a parent id of ${parentBytes} bytes`)
  expectLength('the parent id', parentBytes, room - digestBytes)
  const parentId = decodeText('parent id', block.subarray(at + 4, at + 4 + parentBytes))
  at += 4 + parentBytes
  return {
    number: view.getUint32(4),
    offset: getUint64(view, 8, 'offset'),
    length: getUint64(view, 16, 'piece length'),
    digest,
    parentId,
    costMs: getUint64(view, at + 1, 'cost', 1000) * 1000,
    createdAt: getUnixSec(view, at + 9) * 1000,
  }
}

/** A message that is too long is cut. */
export function encodeError(code: ErrorFrameCode, message: string, packetId: number): Uint8Array {
  const text = new Uint8Array(maxValueBytes - 1)
  const { written } = encoder.encodeInto(message, text)
  const { frame, value } = allocate(errorTag, packetId, 1 + written)
  value.setUint8(0, code)
  frame.set(text.subarray(0, written), frameHeaderBytes + 1)
  return frame
}

/** Reads the value of an error frame. */
export function decodeError(value: Uint8Array): { code: number; message: string } {
  const [code] = value
  if (code === undefined || value.byteLength > maxValueBytes) {
    throw broken(`an error frame with a value of ${value.byteLength} bytes`)
  }
  return { code, message: decodeText('error message', value.subarray(1)) }
}

const framesByTag: readonly (FrameType | undefined)[] = (() => {
  const frames: FrameType[] = []
  for (const [family, tags] of Object.entries(familyTags) as [TaskFamily, object][]) {
    for (const [type, tag] of Object.entries(tags) as [FamilyFrame, number][]) {
      frames[tag] = { type, family }
    }
  }
  return frames
})()

function frameType(tag: number): FrameType {
  switch (tag) {
    case closeTag:
      return { type: 'close' }
    case errorTag:
      return { type: 'error' }
    case 6:
    case 7:
      throw broken(`tag ${tag}, cache pieces, which nobody serves`)
  }
  const known = framesByTag[tag]
  if (known !== undefined) return known
  throw broken(`tag ${tag} is reserved`)
}

function valueLimits({ type }: FrameType): [least: number, most: number] {
  switch (type) {
    case 'request':
      return [requestValueBytes, requestValueBytes]
    case 'keptRequest':
      return [keptRequestValueBytes, keptRequestValueBytes]
    case 'content':
    case 'packedContent':
      return [fixedMetadataBytes, fixedMetadataBytes + maxDigestBytes + maxParentIdBytes]
    case 'close':
      return [0, 0]
    case 'error':
      return [1, maxValueBytes]
  }
}

function allocate(tag: number, packetId: number, length: number) {
  const frame = new Uint8Array(frameHeaderBytes + length)
  const view = viewOf(frame)
  view.setUint8(0, packetId)
  view.setUint8(1, tag)
  view.setUint32(2, length)
  return { frame, value: viewOf(frame.subarray(frameHeaderBytes)) }
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const setUint64 = (view: DataView, at: number, n: number): void => view.setBigUint64(at, BigInt(n))

/** `scale` is what the number will be multiplied with. */
function getUint64(view: DataView, at: number, what: string, scale = 1): number {
  const n = view.getBigUint64(at)
  if (n * BigInt(scale) > Number.MAX_SAFE_INTEGER) throw broken(`${what} ${n} is out of range`)
  return Number(n)
}

function getUnixSec(view: DataView, at: number): number {
  const n = Number(view.getBigInt64(at))
  if (Math.abs(n) > maxUnixSec) throw broken(`${n} is not a valid time`)
  return n
}

function encodeText(what: string, text: string, maxBytes: number): Uint8Array {
  const bytes = encoder.encode(text)
  if (bytes.byteLength > maxBytes || !text.isWellFormed()) throw unsendable(what, text)
  return bytes
}

function decodeText(what: string, bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes)
  } catch (cause) {
    throw broken(`the ${what} is not UTF-8`, cause)
  }
}

function expectLength(what: string, actual: number, expected: number): void {
  if (actual !== expected) throw broken(`${what} of ${actual} bytes instead of ${expected}`)
}

function checkInteger(what: string, n: number, most = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(n) || n < 0 || n > most) throw unsendable(what, n)
  return n
}

const unsendable = (what: string, value: string | number): DfError =>
  new DfError('InvalidArgument', `The piece protocol cannot carry the ${what} "${value}".`)

const broken = (what: string, cause?: unknown): DfError =>
  new DfError('PeerProtocol', `The peer broke the piece protocol: ${what}.`, { cause })
