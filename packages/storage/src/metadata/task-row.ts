import { asTaskId, Crc32 } from '@damselfly/core'
import type { TaskSpec } from '../store.ts'

/** What is stored of a task beside its pieces. */
export interface TaskRow {
  /** The task's number in this database; never given twice. */
  readonly row: number
  readonly spec: TaskSpec
  readonly createdAt: number
  readonly isSealed: boolean
  readonly updatedAt: number
  /** Name of the medium that holds the bytes. */
  readonly medium: string
  /** Tells the bytes from earlier ones of the same task. */
  readonly life: number
  readonly isPinned: boolean
  readonly expiresAt: number | undefined
  readonly policy: string
  readonly contentDigest: string | undefined
  readonly verified: readonly string[]
}

export type SqlRow = Record<string, unknown>

/** `undefined` when the row does not pass its check. */
export function toTaskRow(row: SqlRow): TaskRow | undefined {
  const header = String(row.response_header)
  const facts = {
    taskId: asTaskId(String(row.task_id)),
    url: String(row.url),
    tag: String(row.tag),
    application: String(row.application),
    contentLength: Number(row.content_length),
    pieceLength: Number(row.piece_length),
  }
  const [createdAt, isSealed] = [Number(row.created_at), row.sealed === 1]
  if (factsCheck(facts, header, createdAt, isSealed) !== row.facts_check) return undefined
  return {
    row: Number(row.id),
    spec: { ...facts, responseHeader: JSON.parse(header) },
    createdAt,
    isSealed,
    updatedAt: Number(row.updated_at),
    medium: String(row.medium),
    life: Number(row.life),
    isPinned: row.pinned === 1,
    expiresAt: row.expires_at === null ? undefined : Number(row.expires_at),
    policy: String(row.policy),
    contentDigest: row.content_digest === null ? undefined : String(row.content_digest),
    verified: digestsOf(String(row.verified)),
  }
}

/** Over the columns that never change: a flipped bit in one of them would make every piece a wrong one. */
export function factsCheck(
  spec: Omit<TaskSpec, 'responseHeader'>,
  header: string,
  createdAt: number,
  isSealed: boolean,
): number {
  const { taskId, url, tag, application, contentLength, pieceLength } = spec
  const facts = [taskId, url, tag, application, contentLength, pieceLength, header, createdAt]
  const text = JSON.stringify([...facts, isSealed])
  return new Crc32().update(new TextEncoder().encode(text)).value
}

function digestsOf(text: string): string[] {
  try {
    const digests: unknown = JSON.parse(text)
    return Array.isArray(digests) ? digests.map(String) : []
  } catch {
    return []
  }
}
