import { loadConfig } from '@damselfly/core/config'
import { z } from 'zod'
import { type Resolve, resolveAddress } from '../local/resolve-address.ts'

/** Dragonfly's local dynconfig.yaml (interop.md 1.2); it has more keys, of which none concerns us. */
const schema = z.looseObject({
  scheduler: z
    .looseObject({
      addrs: z.array(z.string().regex(/^.+:\d+$/, 'expected ip:port')).optional(),
      addr: z
        .string()
        .regex(/^.+:\d+$/, 'expected host:port')
        .optional(),
    })
    .optional(),
})

/** `ip:port` of every scheduler that the file names: `addrs` as they are, else `addr` with its name resolved. */
export async function dynconfigSchedulers(
  file: string,
  resolve?: Resolve,
): Promise<readonly string[]> {
  const { scheduler } = loadConfig({ schema, file })
  if (scheduler?.addrs !== undefined && scheduler.addrs.length > 0) return scheduler.addrs
  return scheduler?.addr === undefined ? [] : await resolveAddress(scheduler.addr, resolve)
}
