import type { Http2Stream } from 'node:http2'

/** Resolves when the stream can take more, or when it is gone. */
export async function writeChunk(stream: Http2Stream, chunk: Uint8Array): Promise<void> {
  if (!stream.writable || stream.write(chunk)) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.on('drain', done)
    stream.on('close', done)
  })
}
