import { pieceStoreConformance } from '../src/conformance.ts'
import type { StoreOptions } from '../src/index.ts'
import { fixture, keyFor, maxBytes, plugInFixture } from './store-fixture.ts'

const stores: Record<string, Partial<StoreOptions>> = {
  'the sealed disk store': { keyFor },
  'the sealed durable disk store with direct I/O': { keyFor, mode: 'durable', directIO: true },
  'the sealed memory store': { keyFor, media: { kind: 'memory', maxBytes } },
  'the sealed tiered store': { keyFor, media: { kind: 'tiered', maxBytes } },
}

for (const [name, options] of Object.entries(stores)) {
  pieceStoreConformance(name, () => fixture(options), { isSealed: true })
}

pieceStoreConformance('a sealed storage plug-in', () => plugInFixture({ keyFor }), {
  isHere: true,
  isSealed: true,
})
