import { type ExchangeMessage, Peer } from '@damselfly/api/peer'
import { DfError } from '@damselfly/core'
import { openBidi } from '@damselfly/rpc'
import type { ParentSessionDeps } from '../download/parent-session.ts'
import type { Neighbour } from './neighbour.ts'
import type { Hello } from './neighbour-link.ts'

/**
 * Opens a link to a host that the scheduler has named and serves it until it ends. Never rejects: the link's end says why;
 * `Unimplemented` for one of Dragonfly's.
 */
export async function openNeighbour(
  { link, address }: Neighbour,
  hello: Hello,
  { channels, describe }: Pick<ParentSessionDeps, 'channels' | 'describe'>,
): Promise<void> {
  if (address === undefined) return
  const { control } = address
  try {
    if ((await describe(control, link.signal)) === undefined) {
      throw new DfError('Unimplemented', `The host ${address.hostId} is not one of ours.`)
    }
    using lease = channels.acquire(control)
    const call = openBidi<ExchangeMessage, ExchangeMessage>(lease.channel.client(Peer).exchange, {
      signal: link.signal,
    })
    link.hello(hello)
    const sending = (async (): Promise<void> => {
      for await (const message of link.outbox) await call.send(message)
    })()
    sending.catch(() => {})
    await link.read(call.responses)
  } catch (error) {
    link.end(DfError.from(error, 'PeerUnavailable'))
  }
}
