import { pieceStoreConformance } from '../src/conformance.ts'
import type { StoreOptions } from '../src/index.ts'
import { fixture, maxBytes, plugInFixture } from './store-fixture.ts'

const stores: Record<string, Partial<StoreOptions>> = {
  'the disk store': {},
  'the durable disk store': { mode: 'durable' },
  'the disk store with direct I/O': { directIO: true },
  'the memory store': { media: { kind: 'memory', maxBytes } },
  'the tiered store': { media: { kind: 'tiered', maxBytes } },
  'the tiered store with hardly any memory': { media: { kind: 'tiered', maxBytes: 260 } },
}

for (const [name, options] of Object.entries(stores)) {
  pieceStoreConformance(name, () => fixture(options))
}

pieceStoreConformance('a storage plug-in', () => plugInFixture({}), { isHere: true })
