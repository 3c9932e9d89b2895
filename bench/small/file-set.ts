import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generatedBytes } from '@damselfly/testkit'
import { BenchError } from '../harness/bench.ts'

/** Many files of one size, of which no two are equal. */
export interface FileSet {
  readonly name: string
  readonly count: number
  readonly sizeBytes: number
}

export const fileSets: readonly FileSet[] = [
  { name: '10,000 files of 4 KiB', count: 10_000, sizeBytes: 4 * 1024 },
  { name: '1,000 files of 1 MiB', count: 1_000, sizeBytes: 1024 ** 2 },
]

/** As every side calls them. */
export function fileNames({ count }: FileSet): string[] {
  return Array.from({ length: count }, (_, index) => `f${String(index).padStart(6, '0')}`)
}

export async function writeFileSet(set: FileSet, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true })
  for (const [index, name] of fileNames(set).entries()) {
    await writeFile(join(dir, name), generatedBytes(2, index * set.sizeBytes, set.sizeBytes))
  }
}

/** Every copy must be there and have its length; with `isThorough` every byte is compared. */
export async function checkCopies(
  set: FileSet,
  dirs: { original: string; copies: string },
  isThorough: boolean,
): Promise<void> {
  for (const name of fileNames(set)) {
    const path = join(dirs.copies, name)
    const isGood = isThorough
      ? (await readFile(path)).equals(await readFile(join(dirs.original, name)))
      : (await stat(path)).size === set.sizeBytes
    if (!isGood) throw new BenchError(`${name} is not the file.`)
  }
}

/** An empty directory. */
export async function emptyDir(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
  await mkdir(path, { recursive: true })
}
