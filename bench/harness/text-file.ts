import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { generatedBytes } from '@damselfly/testkit'

const blockBytes = 1024 ** 2
/** More than a compressor looks back, so that the repetition of the blocks helps none. */
const differentBlocks = 64

/** Writes a file as a web server's log, which zstd shrinks to a third; always the same one. Returns its SHA-256. */
export async function textFile(path: string, sizeMiB: number): Promise<string> {
  const blocks = Array.from({ length: Math.min(sizeMiB, differentBlocks) }, (_, i) => logBlock(i))
  const hash = createHash('sha256')
  await using file = await open(path, 'w')
  for (let index = 0; index < sizeMiB; index++) {
    const block = blocks[index % blocks.length] ?? logBlock(index)
    hash.update(block)
    await file.write(block)
  }
  return hash.digest('hex')
}

/** One MiB of log lines. */
export function logBlock(seed: number): Buffer {
  const block = Buffer.alloc(blockBytes)
  // 16 random bytes for each line, of which none is shorter than 64.
  const random = Buffer.from(generatedBytes(seed, 0, blockBytes / 4))
  let written = 0
  for (let at = 0; written < blockBytes; at += 16) {
    written += block.write(logLine(random.subarray(at, at + 16), seed * 16_384 + at / 16), written)
  }
  return block
}

const methods = ['GET', 'GET', 'GET', 'HEAD', 'POST']
const statuses = [200, 200, 200, 206, 304, 404]

function logLine(random: Buffer, line: number): string {
  const [a = 0, b = 0, c = 0, d = 0, kind = 0, status = 0] = random
  const time = new Date(1_780_000_000_000 + line * 37).toISOString()
  const method = methods[kind % methods.length]
  const request = random.toString('hex')
  return `${time} 10.${a % 4}.${b}.${c} ${method} /v2/library/layer-${d}/blobs/${request} ${statuses[status % statuses.length]} ${random.readUInt16LE(6)} "registry-client/1.9"\n`
}
