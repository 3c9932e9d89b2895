import { createHash } from 'node:crypto'
import { asTaskId, type TaskId } from './brands.ts'

export interface LegacyTaskIdInput {
  url: string
  filteredQueryParams?: readonly string[] | undefined
  digest?: string | undefined
  range?: string | undefined
  tag?: string | undefined
  application?: string | undefined
}

/** The task id of Dragonfly's v1 API (interop.md 5.4), which the Go manager and scheduler still know. */
export function legacyTaskIdV1(input: LegacyTaskIdInput): TaskId {
  const { digest = '', range = '', tag = '', application = '' } = input
  const text =
    filterUrlV1(input.url, input.filteredQueryParams ?? []) + digest + range + tag + application
  return asTaskId(createHash('sha256').update(text).digest('hex'))
}

/** Without a list the URL stays as it is; with one the query is sorted by key. Nothing else is normalized. */
function filterUrlV1(text: string, params: readonly string[]): string {
  const match = /^([^?#]*)\?([^#]*)(.*)$/s.exec(text)
  if (match === null || params.length === 0) return text
  const [, base = '', query = '', fragment = ''] = match
  const kept = new URLSearchParams(
    [...new URLSearchParams(query)].filter(([key]) => !params.includes(key)),
  )
  kept.sort()
  // Go's encoder leaves `~` and escapes `*`; the browser's does the opposite.
  const encoded = kept.toString().replaceAll('%7E', '~').replaceAll('*', '%2A')
  return `${base}${encoded === '' ? '' : `?${encoded}`}${fragment}`
}
