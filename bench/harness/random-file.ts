import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { generatedBytes } from '@damselfly/testkit'

const chunkBytes = 1024 ** 2

/** Writes a file that does not compress, always the same one; returns its SHA-256. */
export async function randomFile(path: string, sizeMiB: number): Promise<string> {
  const hash = createHash('sha256')
  await using file = await open(path, 'w')
  for (let index = 0; index < sizeMiB; index++) {
    const chunk = generatedBytes(1, index * chunkBytes, chunkBytes)
    hash.update(chunk)
    await file.write(chunk)
  }
  return hash.digest('hex')
}
