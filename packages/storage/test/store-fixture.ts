import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import type { StoreFixture } from '../src/conformance.ts'
import type { StoreOptions } from '../src/index.ts'
import { makeStoreDir, type StoreDir } from './store-dir.ts'

export const keyFor = (): Uint8Array => new Uint8Array(32).fill(7)
export const maxBytes = 64 * 1024 * 1024

/** A store to be tried by the conformance suite, in a directory of its own. */
export async function fixture(
  options: Partial<StoreOptions> | ((place: StoreDir) => Partial<StoreOptions>),
  more: (place: StoreDir) => Pick<StoreFixture, 'damage'> = () => ({}),
): Promise<StoreFixture> {
  const place = await makeStoreDir()
  const store = await place.open(typeof options === 'function' ? options(place) : options)
  return {
    store,
    outputDir: place.outputDir,
    ...more(place),
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
}

const module = new URL('./plug-in-medium.ts', import.meta.url).pathname

/** The same with the plug-in of the tests. */
export async function plugInFixture(options: Partial<StoreOptions>): Promise<StoreFixture> {
  const blocks = (place: StoreDir): string => join(place.outputDir, '..', 'blocks')
  return await fixture(
    (place) => ({
      ...options,
      media: { kind: 'plug-in', module, options: { dir: blocks(place) } },
    }),
    (place) => ({
      async damage({ spec }, offset) {
        // The suites have tasks of one block.
        const found = await fs.readdir(blocks(place))
        const name = found.find((n) => n.startsWith(`${spec.taskId}@`)) ?? ''
        const path = join(blocks(place), name, '0')
        const bytes = await fs.readFile(path)
        bytes[offset] = (bytes[offset] ?? 0) ^ 4
        await fs.writeFile(path, bytes)
      },
    }),
  )
}
