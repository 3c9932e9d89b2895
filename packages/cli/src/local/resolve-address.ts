import { lookup } from 'node:dns/promises'
import { isIPv4 } from 'node:net'
import { DfError } from '@damselfly/core'

export type Resolve = (host: string) => Promise<readonly string[]>

/** `ip:port` for `host:port`, sorted, as every host of a cluster should see them; IPv4 where there is any. */
export async function resolveAddress(
  address: string,
  resolve: Resolve = resolveHost,
): Promise<string[]> {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
  let ips: readonly string[]
  try {
    ips = await resolve(host)
  } catch (cause) {
    throw new DfError(
      'SchedulerUnavailable',
      `The scheduler ${address} cannot be found: its name does not resolve. Check the name.`,
      { cause, details: { address } },
    )
  }
  const v4 = ips.filter((ip) => isIPv4(ip))
  const chosen = [...new Set(v4.length > 0 ? v4 : ips)].sort()
  return chosen.map((ip) => `${ip.includes(':') ? `[${ip}]` : ip}${address.slice(colon)}`)
}

async function resolveHost(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address)
}
