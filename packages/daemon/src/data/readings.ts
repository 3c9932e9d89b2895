import { DfError } from '@damselfly/core'
import type { PieceFacts, PieceReservation } from '@damselfly/storage'
import type { BodyDesk, SourceOrder } from './data-plane.ts'
import type { CutArgument, PieceSpot } from './thread-methods.ts'

/** The bodies that threads are reading, by the number under which a thread speaks of them. */
export class Readings {
  readonly #running = new Map<number, Reading>()
  #last = 0

  start(order: SourceOrder, desk: BodyDesk): { reading: number } & Pick<Reading, 'signal' | 'end'> {
    this.#last += 1
    const reading = this.#last
    const running = new Reading(order, desk)
    this.#running.set(reading, running)
    const end = (): Promise<void> => {
      this.#running.delete(reading)
      return running.end()
    }
    return { reading, signal: running.signal, end }
  }

  readonly methods = {
    begins: ({ reading, start }: { reading: number; start: number }) =>
      this.#of(reading).begins(start),
    next: ({ reading, number }: { reading: number; number: number }) =>
      this.#of(reading).next(number),
    // What a dying thread still says may come too late.
    cut: (argument: CutArgument) => this.#running.get(argument.reading)?.cut(argument),
    abandoned: ({ reading, number }: { reading: number; number: number }) =>
      this.#running.get(reading)?.abandoned(number),
  }

  #of(reading: number): Reading {
    const running = this.#running.get(reading)
    if (running === undefined) throw new DfError('Internal', 'Nobody reads this body any more.')
    return running
  }
}

/** One body: what its thread asks goes to the desk, and its pieces are reserved and committed here. */
class Reading {
  readonly #order: SourceOrder
  readonly #desk: BodyDesk
  readonly #reserved = new Map<number, PieceReservation>()
  readonly #arrivals = new Set<Promise<void>>()
  readonly #failed = new AbortController()

  constructor(order: SourceOrder, desk: BodyDesk) {
    this.#order = order
    this.#desk = desk
  }

  /** Aborts with what the desk threw. */
  get signal(): AbortSignal {
    return this.#failed.signal
  }

  begins(start: number): boolean {
    return this.#desk.begins(start)
  }

  async next(number: number): Promise<PieceSpot | 'skip' | 'end'> {
    const order = await this.#desk.next(number)
    if (order !== 'keep') return order
    const reservation = this.#order.stored.reserve(number)
    this.#reserved.set(number, reservation)
    const { place, offset, length } = reservation
    return { place, span: { offset, length } }
  }

  /** The next piece is cut while this one is committed. */
  cut({ number, costMs, digests, seal }: CutArgument): void {
    const reservation = this.#reserved.get(number)
    if (reservation === undefined) return
    this.#reserved.delete(number)
    const measured = seal === undefined ? { digests } : { digests, seal }
    const arrival = this.#desk
      .arrived({
        number,
        costMs,
        digests,
        commit: (facts: PieceFacts) => reservation.commit({ ...facts, ...measured }),
        abort: () => reservation.abort(),
      })
      .catch((error: unknown) => this.#failed.abort(error))
      .finally(() => {
        reservation.abort()
        this.#arrivals.delete(arrival)
      })
    this.#arrivals.add(arrival)
  }

  abandoned(number: number): void {
    this.#reserved.get(number)?.abort()
    this.#reserved.delete(number)
  }

  /** The thread is done with the body, or dead: waits for the commits, then throws what went wrong in them. */
  async end(): Promise<void> {
    for (const number of [...this.#reserved.keys()]) this.abandoned(number)
    await Promise.all(this.#arrivals)
    this.#failed.signal.throwIfAborted()
  }
}
