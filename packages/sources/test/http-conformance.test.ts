import { silentLog, systemClock, systemRandom } from '@damselfly/core'
import { startOrigin } from '@damselfly/testkit'
import { sourceConformance } from '../src/conformance.ts'
import { httpSource } from '../src/index.ts'

sourceConformance('http', async () => {
  const origin = await startOrigin()
  const source = httpSource({ clock: systemClock, random: systemRandom, log: silentLog })
  return {
    source,
    put: async (name, bytes) => ({ url: new URL(origin.put(`/${name}`, bytes)), header: {} }),
    missing: () => ({ url: new URL(origin.url('/missing')), header: {} }),
    idle: () => origin.idle(),
    async [Symbol.asyncDispose]() {
      await source.close()
      await origin.stop()
    },
  }
})
