import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf'

/** A gRPC message is preceded by a byte of flags and its length in four. */
export const prefixBytes = 5

/** The message as it travels. */
export function frameOf<D extends DescMessage>(schema: D, message: MessageShape<D>): Buffer {
  const body = toBinary(schema, message)
  const frame = Buffer.allocUnsafe(prefixBytes + body.byteLength)
  frame[0] = 0
  frame.writeUInt32BE(body.byteLength, 1)
  frame.set(body, prefixBytes)
  return frame
}
