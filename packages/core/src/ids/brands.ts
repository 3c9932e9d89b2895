import { DfError } from '../errors/df-error.ts'

declare const brand: unique symbol

/** A string that the compiler keeps apart from other strings; at run time it is a plain string. */
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** One piece of content. 64 hex digits as a rule; 128 for a sha512 blob, anything for foreign peers. */
export type TaskId = Branded<'TaskId'>
/** A task on a host. */
export type PeerId = Branded<'PeerId'>
/** A daemon. */
export type HostId = Branded<'HostId'>
/** A piece of a task, `<task id>-<piece number>`. */
export type PieceId = Branded<'PieceId'>

function nonEmpty(text: string, what: string): string {
  if (text === '') throw new DfError('InvalidArgument', `The ${what} id is empty.`)
  return text
}

/** Takes any non-empty string: the wire gives no more than that, and ids are opaque to those who pass them on. */
export const asTaskId = (text: string): TaskId => nonEmpty(text, 'task') as TaskId
export const asPeerId = (text: string): PeerId => nonEmpty(text, 'peer') as PeerId
export const asHostId = (text: string): HostId => nonEmpty(text, 'host') as HostId
export const asPieceId = (text: string): PieceId => nonEmpty(text, 'piece') as PieceId
