import { DfError, systemClock } from '@damselfly/core'
import { type ChannelOptions, openChannel, type RpcChannel } from './channel.ts'

/** A channel that nobody uses stays open that long: the next call saves the set-up, about 3 ms. */
const lingerMs = 30_000

/** Channels to many hosts, one per address, shared by all who call there at the same time. */
export class ChannelPool {
  readonly #options: ChannelOptions
  readonly #entries = new Map<string, Entry>()
  #isClosed = false

  constructor(options: ChannelOptions = {}) {
    this.#options = options
  }

  /** A channel for as long as the lease is held. */
  acquire(endpoint: { readonly host: string; readonly port: number }): ChannelLease {
    if (this.#isClosed) {
      throw new DfError(this.#options.unavailable ?? 'PeerUnavailable', 'This program is stopping.')
    }
    const key = `${endpoint.host}:${endpoint.port}`
    const entry = this.#entries.get(key) ?? this.#open(key, endpoint)
    entry.users += 1
    entry.cancelClose()
    let isHeld = true
    return {
      channel: entry.channel,
      [Symbol.dispose]: () => {
        if (!isHeld) return
        isHeld = false
        entry.users -= 1
        if (entry.users === 0) this.#closeLater(key, entry)
      },
    }
  }

  /** Calls under way fail as unavailable. */
  close(): void {
    this.#isClosed = true
    for (const entry of this.#entries.values()) {
      entry.cancelClose()
      entry.channel.close()
    }
    this.#entries.clear()
  }

  #open(key: string, endpoint: { readonly host: string; readonly port: number }): Entry {
    const entry = { channel: openChannel(endpoint, this.#options), users: 0, cancelClose: () => {} }
    this.#entries.set(key, entry)
    return entry
  }

  #closeLater(key: string, entry: Entry): void {
    const { clock = systemClock } = this.#options
    entry.cancelClose = clock.schedule(lingerMs, () => {
      this.#entries.delete(key)
      entry.channel.close()
    })
  }
}

interface Entry {
  readonly channel: RpcChannel
  users: number
  cancelClose: () => void
}

export interface ChannelLease extends Disposable {
  readonly channel: RpcChannel
}
