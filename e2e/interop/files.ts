import { sha256File } from '@damselfly/testkit'
import { expect } from 'vitest'
import type { Daemon, World } from './world.ts'

const MiB = 1024 ** 2

/** Sizes of the issue: more than a piece, more than a hundred MiB, more than 31 bits of bytes. */
export const sizes: readonly (readonly [string, number])[] = [
  ['5 MiB', 5 * MiB],
  ['120 MiB', 120 * MiB],
  ['2.2 GiB', Math.round(2.2 * 1024) * MiB],
]

let files = 0

export interface Published {
  readonly path: string
  readonly url: string
  readonly sizeBytes: number
  readonly digest: string
}

/** Puts a file at the origin; `bytesPerSec` makes each request slow. */
export async function publish(
  { origin }: World,
  sizeBytes: number,
  bytesPerSec?: number,
): Promise<Published> {
  files += 1
  const path = `/file-${files}`
  const url = origin.put(path, { sizeBytes, seed: files })
  const digest = await origin.digest(path)
  if (bytesPerSec !== undefined)
    origin.misbehave(path, { kind: 'slow', bytesPerSec, method: 'GET' })
  return { path, url, sizeBytes, digest }
}

/** Downloads to a file, compares its digest and returns who gave the bytes. */
export async function fetchFile(daemon: Daemon, file: Published) {
  const outputPath = daemon.output(`out${file.path.slice(1)}`)
  const result = await daemon.download(file.url, { outputPath })
  expect(await sha256File(outputPath), `${daemon.name}: digest`).toBe(file.digest)
  return result
}

/** What the origin sent of the file, at most one probe byte a daemon more than it has. */
export function expectOriginOnce({ origin }: World, file: Published): void {
  const { bodyBytes } = origin.counters(file.path)
  expect(bodyBytes, 'bytes sent by the origin').toBeGreaterThanOrEqual(file.sizeBytes)
  expect(bodyBytes, 'bytes sent by the origin').toBeLessThanOrEqual(file.sizeBytes + 100)
}
