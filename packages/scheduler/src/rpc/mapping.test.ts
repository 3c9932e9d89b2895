import { create } from '@bufbuild/protobuf'
import { AnnounceHostRequestSchema } from '@damselfly/api/scheduler'
import { expect, test } from 'vitest'
import { toHostFacts } from './mapping.ts'

const announced = (maxTxBandwidth?: bigint) =>
  toHostFacts(
    create(AnnounceHostRequestSchema, {
      host: {
        id: 'h',
        hostname: 'h',
        ip: '10.0.0.1',
        port: 4000,
        downloadPort: 4000,
        network: maxTxBandwidth === undefined ? {} : { maxTxBandwidth },
      },
    }),
  )

test.each([
  ['a limit', 800_000_000n, 800_000_000],
  ['none', undefined, 0],
  ['the default of 50 GB/s, which no link has', 400_000_000_000n, 0],
])('the uplink of a host that announces %s', (_, bits, uplink) => {
  expect(announced(bits).maxTxBandwidth).toBe(uplink)
})
