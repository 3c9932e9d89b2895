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

const maxSharedTexts = 1_000

/** The `medium` of a task whose deletion has begun. */
export const condemned = ''

/** The columns of a row in the order in which they were asked for. */
export type SqlRow = readonly unknown[]

/** What `toTaskRow` reads, in its order. */
export const taskColumns =
  'id, task_id, url, tag, application, content_length, piece_length, response_header, created_at, sealed, facts_check, ' +
  'updated_at, medium, life, pinned, expires_at, policy, content_digest, verified'

/** `undefined` when the row does not pass its check. */
export function toTaskRow(row: SqlRow, texts: SharedTexts): TaskRow | undefined {
  const [id, taskId, url, tag, application, contentLength, pieceLength, header] = row
  const [createdAt, isSealed] = [Number(row[8]), row[9] === 1]
  const spec = {
    taskId: asTaskId(String(taskId)),
    url: String(url),
    tag: texts.same(String(tag)),
    application: texts.same(String(application)),
    contentLength: Number(contentLength),
    pieceLength: Number(pieceLength),
    responseHeader: none,
  }
  if (factsCheck(spec, String(header), createdAt, isSealed) !== row[10]) return undefined
  const [expiresAt, contentDigest, verified] = [row[15], row[17], row[18]]
  return {
    row: Number(id),
    spec: Object.assign(spec, { responseHeader: JSON.parse(String(header)) }),
    createdAt,
    isSealed,
    updatedAt: Number(row[11]),
    medium: texts.same(String(row[12])),
    life: Number(row[13]),
    isPinned: row[14] === 1,
    expiresAt: expiresAt === null ? undefined : Number(expiresAt),
    policy: texts.same(String(row[16])),
    contentDigest: contentDigest === null ? undefined : String(contentDigest),
    verified: verified === '[]' ? unverified : digestsOf(String(verified)),
  }
}

const none: Readonly<Record<string, string>> = {}

/** Most tasks have none: they share it. */
const unverified: readonly string[] = []

/** A few texts that very many rows have: applications, tags, names of media. */
export class SharedTexts {
  readonly #texts = new Map<string, string>()

  /** The text itself or, as long as there are few, an equal one. */
  same(text: string): string {
    const known = this.#texts.get(text)
    if (known === undefined && this.#texts.size < maxSharedTexts) this.#texts.set(text, text)
    return known ?? text
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
  return new Crc32().update(text).value
}

function digestsOf(text: string): string[] {
  try {
    const digests: unknown = JSON.parse(text)
    return Array.isArray(digests) ? digests.map(String) : []
  } catch {
    return []
  }
}
