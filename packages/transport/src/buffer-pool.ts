import { DfError } from '@damselfly/core'

export interface BufferPoolOptions {
  /** Size of every buffer. 256 KiB to 1 MiB keeps sockets and files busy; 64 KiB loses half of the rate. */
  readonly bufferBytes: number
  /** Upper bound on buffers, and so on memory: `bufferBytes * maxBuffers`. */
  readonly maxBuffers: number
}

export interface BufferPoolStats {
  readonly inUse: number
  /** The most that were ever in use at once. */
  readonly highWater: number
  /** Buffers that exist, lent or free. */
  readonly allocated: number
  readonly waiting: number
}

type Waiter = (buffer: Uint8Array) => void

/**
 * Buffers of one size, made when first needed and used again for ever. `acquire` waits in line when all are lent.
 *
 * Receiving and sending need a pool each: if fetches from a peer held every buffer, this host could not send to
 * that peer, which may be waiting for just that before it sends (two hosts in deadlock until their idle timeouts).
 */
export class BufferPool {
  readonly bufferBytes: number
  readonly maxBuffers: number
  readonly #free: Uint8Array[] = []
  readonly #lent = new Set<Uint8Array>()
  /** A Set keeps the order of arrival and lets an aborted waiter leave at once. */
  readonly #waiters = new Set<Waiter>()
  #highWater = 0

  constructor({ bufferBytes, maxBuffers }: BufferPoolOptions) {
    if (!isCount(bufferBytes) || !isCount(maxBuffers)) {
      const message = `A pool of ${maxBuffers} buffers of ${bufferBytes} bytes cannot be made.`
      throw new DfError('InvalidArgument', message)
    }
    this.bufferBytes = bufferBytes
    this.maxBuffers = maxBuffers
  }

  get stats(): BufferPoolStats {
    return {
      inUse: this.#lent.size,
      highWater: this.#highWater,
      allocated: this.#lent.size + this.#free.length,
      waiting: this.#waiters.size,
    }
  }

  /** The buffer's content is whatever its last user left. Rejects with the signal's reason. */
  async acquire(signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted()
    // The most recently used one is the likeliest to be in the processor's cache.
    const free = this.#free.pop() ?? this.#allocate()
    if (free === undefined) return this.#wait(signal)
    this.#lend(free)
    return free
  }

  /** Gives back what `acquire` returned, that very object and once. */
  release(buffer: Uint8Array): void {
    if (!this.#lent.delete(buffer)) {
      throw new DfError('Internal', 'A buffer was released that the pool has not lent.')
    }
    const [next] = this.#waiters
    if (next === undefined) {
      this.#free.push(buffer)
      return
    }
    this.#waiters.delete(next)
    this.#lend(buffer)
    next(buffer)
  }

  #allocate(): Uint8Array | undefined {
    if (this.#lent.size >= this.maxBuffers) return undefined
    // Not from Node's shared slab, which a long-lived buffer would keep alive as a whole.
    return Buffer.allocUnsafeSlow(this.bufferBytes)
  }

  #lend(buffer: Uint8Array): void {
    this.#lent.add(buffer)
    this.#highWater = Math.max(this.#highWater, this.#lent.size)
  }

  #wait(signal: AbortSignal | undefined): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiters.delete(waiter)
        reject(signal?.reason)
      }
      const waiter: Waiter = (buffer) => {
        signal?.removeEventListener('abort', onAbort)
        resolve(buffer)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiters.add(waiter)
    })
  }
}

const isCount = (n: number): boolean => Number.isSafeInteger(n) && n > 0
