import { DfError, pieceSpan } from '@damselfly/core'
import type { Content } from '../media/medium.ts'
import type { PieceTable } from '../metadata/piece-table.ts'
import { placeWithin } from '../place/place-within.ts'
import type { PieceRecord, PieceReservation, PieceWriter } from '../store.ts'
import type { WrittenPiece } from './commit-log.ts'
import type { CrashPoint } from './crash-points.ts'
import { InlinePieceWriter } from './piece-writer.ts'
import { Reservation } from './reservation.ts'

/** The task that receives. */
export interface ReceivingTask {
  readonly spec: { readonly taskId: string }
  readonly table: PieceTable
  /** Where pieces are written to. */
  readonly home: Content
  /** The content may be written to. */
  readonly isWritable: boolean
  /** Throws when the task is gone. */
  checkPresent(): void
  /** The content stays until this is disposed: who receives writes to it. */
  hold(): Disposable
  commit(piece: WrittenPiece): Promise<PieceRecord>
  contentFailure(error: unknown, content: Content, doing: string): DfError
}

/** A dropped piece makes the content unready for a moment. */
const notReady = (name: string): DfError =>
  new DfError('InvalidArgument', `The content is not ready for ${name}; try again.`, {
    retryable: true,
  })

/** The pieces of a task that somebody receives, one receiver each. */
export class Receiving {
  readonly #pieces = new Set<number>()
  /** Writes of aborted writers that have not reached the content; they would fall onto a later writer's bytes. */
  #straying: Map<number, Promise<unknown>> | undefined

  get size(): number {
    return this.#pieces.size
  }

  reserve(task: ReceivingTask, number: number, crash: CrashPoint): PieceReservation {
    task.checkPresent()
    const { table } = task
    const span = pieceSpan(table.geometry, number)
    const name = nameOf(task, number)
    const refuse = (why: string) => new DfError('InvalidArgument', `${why} ${name}.`)
    const pieces = this.#pieces
    if (table.have.get(number)) throw refuse('The store has already')
    if (pieces.has(number)) throw refuse('Somebody is receiving already')
    if (!task.isWritable) throw notReady(name)
    pieces.add(number)
    const hold = task.hold()
    crash('reserve')
    return new Reservation(
      { number, ...span, place: placeWithin(task.home.place, span) },
      {
        name,
        isSealed: table.isSealed,
        commit: (piece) => task.commit(piece),
        released() {
          pieces.delete(number)
          hold[Symbol.dispose]()
          crash('abort')
        },
      },
    )
  }

  writer(task: ReceivingTask, number: number, crash: CrashPoint): PieceWriter {
    const name = nameOf(task, number)
    return new InlinePieceWriter({
      name,
      reservation: this.reserve(task, number, crash),
      earlierWrite: this.#straying?.get(number),
      content() {
        task.checkPresent()
        return task.home
      },
      strays: (lastWrite) => this.#strays(number, lastWrite),
      failed: (error, content) => task.contentFailure(error, content, `Writing ${name}`),
      crash,
    })
  }

  #strays(number: number, lastWrite: Promise<unknown>): void {
    this.#straying ??= new Map()
    const straying = this.#straying
    const settled = lastWrite
      .catch(() => {})
      .then(() => {
        if (straying.get(number) === settled) straying.delete(number)
      })
    straying.set(number, settled)
  }
}

/** For messages. */
export const nameOf = ({ spec }: Pick<ReceivingTask, 'spec'>, number: number): string =>
  `piece ${number} of task ${spec.taskId}`
