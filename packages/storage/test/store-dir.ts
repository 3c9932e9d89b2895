import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Disk, silentLog, systemClock, systemDisk } from '@damselfly/core'
import { openStore, type PieceStore, type StoreOptions } from '../src/index.ts'

/** A temporary directory with room for a store and for outputs. */
export interface StoreDir extends AsyncDisposable {
  readonly dir: string
  readonly outputDir: string
  open(options?: Partial<StoreOptions>): Promise<PieceStore>
}

export async function makeStoreDir(): Promise<StoreDir> {
  const root = await fs.mkdtemp(join(tmpdir(), 'damselfly-store-'))
  const dir = join(root, 'store')
  const outputDir = join(root, 'out')
  await fs.mkdir(outputDir)
  const opened: PieceStore[] = []
  return {
    dir,
    outputDir,
    async open(options) {
      const disk: Disk = systemDisk
      const defaults = { dir, keep: true, clock: systemClock, disk, log: silentLog }
      const store = await openStore({ ...defaults, ...options })
      opened.push(store)
      return store
    },
    async [Symbol.asyncDispose]() {
      for (const store of opened) await store.close()
      await fs.rm(root, { recursive: true })
    },
  }
}
