import { pieceStoreConformance } from '../src/conformance.ts'
import { makeStoreDir } from './store-dir.ts'

pieceStoreConformance('the disk store', async () => {
  const place = await makeStoreDir()
  const store = await place.open()
  return {
    store,
    outputDir: place.outputDir,
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
})
