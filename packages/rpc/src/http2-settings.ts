import type { Settings } from 'node:http2'

/**
 * HTTP/2 settings of both sides. The default window of 64 KiB means one round trip per 64 KiB; pieces with content
 * come in messages of up to 64 MiB (trap T5).
 */
export const http2Settings: Settings = {
  enablePush: false,
  initialWindowSize: 1024 * 1024,
  maxFrameSize: 256 * 1024,
}

/** Window of a whole connection, in bytes. */
export const connectionWindowBytes = 4 * 1024 * 1024

/** Megabytes. Counts data waiting to be sent; above it, Node refuses new streams, and one message may be 64 MiB. */
export const maxSessionMemory = 1024
