import { DfError } from '@damselfly/core'
import { openChannel, type RpcChannel } from '@damselfly/rpc'

/** A parent that froze or lost its network is noticed by what it does not answer. */
const signsOfLife = { pingIntervalMs: 5_000, pingTimeoutMs: 5_000 }

/** gRPC sessions to other daemons, one per address, closed when the last user has left. */
export class ChannelPool {
  readonly #entries = new Map<string, Entry>()
  #closed = false

  acquire(endpoint: { readonly host: string; readonly port: number }): ChannelLease {
    if (this.#closed)
      throw new DfError('PeerUnavailable', 'The daemon is stopping; ask again later.')
    const key = `${endpoint.host}:${endpoint.port}`
    const entry = this.#entries.get(key) ?? this.#open(key, endpoint)
    entry.users += 1
    let held = true
    return {
      channel: entry.channel,
      [Symbol.dispose]: () => {
        if (!held) return
        held = false
        entry.users -= 1
        if (entry.users === 0) this.#drop(key, entry)
      },
    }
  }

  close(): void {
    this.#closed = true
    for (const { channel } of this.#entries.values()) channel.close()
    this.#entries.clear()
  }

  #open(key: string, endpoint: { readonly host: string; readonly port: number }): Entry {
    const entry: Entry = {
      channel: openChannel(endpoint, { unavailable: 'PeerUnavailable', ...signsOfLife }),
      users: 0,
    }
    this.#entries.set(key, entry)
    return entry
  }

  #drop(key: string, entry: Entry): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key)
    entry.channel.close()
  }
}

interface Entry {
  readonly channel: RpcChannel
  users: number
}

export interface ChannelLease extends Disposable {
  readonly channel: RpcChannel
}
