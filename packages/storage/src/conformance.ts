import { join } from 'node:path'
import { afterEach, beforeEach, describe } from 'vitest'
import { deleteTests } from './conformance/delete-tests.ts'
import { exportTests, outputTests } from './conformance/export-tests.ts'
import { readTests } from './conformance/read-tests.ts'
import { taskTests } from './conformance/task-tests.ts'
import { refusalTests, writeTests } from './conformance/write-tests.ts'
import type { PieceStore } from './store.ts'

/** A store to be tried, empty at first. */
export interface StoreFixture extends AsyncDisposable {
  readonly store: PieceStore
  /** An empty directory of the operating system's disk that outputs may be written to. */
  readonly outputDir: string
}

/** Declares the tests that every piece store passes; they use the interface alone. Call it from a test file. */
export function pieceStoreConformance(name: string, makeStore: () => Promise<StoreFixture>): void {
  describe(`${name} as a piece store`, () => {
    let fixture: StoreFixture
    beforeEach(async () => {
      fixture = await makeStore()
    })
    afterEach(() => fixture[Symbol.asyncDispose]())
    const store = (): PieceStore => fixture.store

    taskTests(store)
    writeTests(store)
    refusalTests(store)
    readTests(store)
    deleteTests(store)
    const output = (name: string): string => join(fixture.outputDir, name)
    exportTests(store, output)
    outputTests(store, output)
  })
}
