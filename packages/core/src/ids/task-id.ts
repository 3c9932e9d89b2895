import { createHash } from 'node:crypto'
import { filterUrl } from '../url/filter-url.ts'
import { asTaskId, type TaskId } from './brands.ts'

export interface TaskIdInput {
  url: string
  tag?: string | undefined
  application?: string | undefined
  /** Of a model hub's repository. */
  revision?: string | undefined
  /** Only a length that the request asked for; the computed one takes no part. */
  pieceLength?: number | undefined
  filteredQueryParams?: readonly string[] | undefined
  contentForCalculatingTaskId?: string | undefined
  /** Name the blobs of a registry by their digest, whichever registry they come from. */
  enableTaskIdBasedBlobDigest?: boolean | undefined
}

/** The URL of a blob in a registry (OCI distribution spec); the last group is the digest. */
const blobPattern = /^.*:\/\/.*\/v2\/.*\/blobs\/([^?]+)(?:\?.*)?$/
const blobDigestPattern = /^(?:sha256:([0-9a-f]{64})|sha512:([0-9a-f]{128}))$/i

/**
 * The id of a standard task (interop.md 5.1): of the given content, else of the blob's digest, else of the
 * filtered URL and what distinguishes contents behind it. Ranges, headers and digests take no part.
 */
export function taskId(input: TaskIdInput): TaskId {
  const content = input.contentForCalculatingTaskId
  if (content !== undefined) return sha256(content)
  if (input.enableTaskIdBasedBlobDigest === true) {
    const digest = blobDigest(input.url)
    if (digest !== undefined) return asTaskId(digest)
  }
  return sha256(
    filterUrl(input.url, input.filteredQueryParams),
    input.tag,
    input.application,
    input.revision,
    input.pieceLength,
    'STANDARD',
  )
}

/** The id of a persistent task: an object in an object store. The URL is taken as it is. */
export function persistentTaskId(input: {
  url: string
  region?: string | undefined
  endpoint?: string | undefined
}): TaskId {
  return sha256(input.url, input.region, input.endpoint, 'PERSISTENT')
}

export interface PersistentCacheTaskIdInput {
  /** The bytes of the file; not read when `contentForCalculatingTaskId` is there. */
  content: AsyncIterable<Uint8Array>
  tag?: string | undefined
  application?: string | undefined
  /** Only a length that the request asked for. */
  pieceLength?: number | undefined
  contentForCalculatingTaskId?: string | undefined
}

/** The id of a persistent cache task: an uploaded file, named by what is in it. */
export async function persistentCacheTaskId(input: PersistentCacheTaskIdInput): Promise<TaskId> {
  const given = input.contentForCalculatingTaskId
  if (given !== undefined) return sha256(given)
  const hash = createHash('sha256')
  for await (const chunk of input.content) hash.update(chunk)
  hash.update(concat([input.tag, input.application, input.pieceLength, 'PERSISTENT_CACHE']))
  return asTaskId(hash.digest('hex'))
}

/** The revision of the first hub that names one (interop.md 5.1). */
export function taskRevision(hubs: {
  huggingFace?: string | undefined
  modelScope?: string | undefined
  openCsg?: string | undefined
}): string | undefined {
  return hubs.huggingFace ?? hubs.modelScope ?? hubs.openCsg
}

function blobDigest(url: string): string | undefined {
  const digest = blobPattern.exec(url)?.[1]
  const match = digest === undefined ? null : blobDigestPattern.exec(digest)
  return match?.[1] ?? match?.[2]
}

const sha256 = (...parts: (string | number | undefined)[]): TaskId =>
  asTaskId(createHash('sha256').update(concat(parts)).digest('hex'))

/** Plain concatenation, decimal numbers; what is unset contributes nothing. */
const concat = (parts: (string | number | undefined)[]): string =>
  parts.map((part) => (part === undefined ? '' : String(part))).join('')
