import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TmpDir extends AsyncDisposable {
  readonly path: string
}

/** A new empty directory; disposing removes it with all that is in it. */
export async function tmpDir(): Promise<TmpDir> {
  const path = await mkdtemp(join(tmpdir(), 'damselfly-'))
  return {
    path,
    // A process that is just ending may still write into the directory; the retries outlast it.
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  }
}
