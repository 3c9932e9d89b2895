import { join } from 'node:path'
import { afterEach, beforeEach, describe } from 'vitest'
import { type Damage, damageTests, sealedDamageTests } from './conformance/damage-tests.ts'
import { deleteTests } from './conformance/delete-tests.ts'
import { exportTests, outputTests } from './conformance/export-tests.ts'
import { adoptTests, keepTests } from './conformance/keep-tests.ts'
import { placedTests, unplacedTests } from './conformance/placed-tests.ts'
import { readTests } from './conformance/read-tests.ts'
import { taskTests } from './conformance/task-tests.ts'
import { refusalTests, writeTests } from './conformance/write-tests.ts'
import { openPlace } from './place.ts'
import type { PieceStore } from './store.ts'

/** A store to be tried, empty at first. */
export interface StoreFixture extends AsyncDisposable {
  readonly store: PieceStore
  /** An empty directory of the operating system's disk that outputs may be written to. */
  readonly outputDir: string
  /** Needed where the bytes have no place that can be opened; see `Damage`. */
  readonly damage?: Damage
}

/** What kind of store it is. */
export interface StoreTraits {
  /** Pieces are encrypted. Default false. */
  readonly isSealed?: boolean
  /** The bytes are out of reach of other threads, as those of a plug-in are. Default false. */
  readonly isHere?: boolean
}

/** Every place takes bytes as they lie. */
const damagePlace: Damage = (task, offset) => {
  const open = openPlace(task.place)
  const byte = new Uint8Array(1)
  open.read(byte, offset)
  byte[0] = (byte[0] ?? 0) ^ 4
  open.write(byte, offset)
  void open.close()
}

/** Declares the tests that every piece store passes; they use the interface alone. Call it from a test file. */
export function pieceStoreConformance(
  name: string,
  makeStore: () => Promise<StoreFixture>,
  { isSealed = false, isHere = false }: StoreTraits = {},
): void {
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
    keepTests(store)
    adoptTests(store)
    if (isHere) unplacedTests(store)
    else placedTests(store)
    const damage = (): Damage => fixture.damage ?? damagePlace
    damageTests(store, output, damage)
    if (isSealed) sealedDamageTests(store, damage)
  })
}
