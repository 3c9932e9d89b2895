/** What a `Range` header asks of a representation; `end` is exclusive. */
export type RangeRequest =
  | { kind: 'whole' }
  | { kind: 'part'; start: number; end: number }
  | { kind: 'unsatisfiable' }

/**
 * Reads a `Range` header (RFC 9110 §14.2). Only a single range is served; several ranges, other units and
 * nonsense are answered with the whole, as the RFC allows a server to.
 */
export function parseRange(header: string | undefined, sizeBytes: number): RangeRequest {
  const match = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header ?? '')
  if (match === null) return { kind: 'whole' }
  const [, first = '', last = ''] = match
  if (first === '') return suffix(last, sizeBytes)
  const start = Number(first)
  if (last !== '' && Number(last) < start) return { kind: 'whole' }
  if (start >= sizeBytes) return { kind: 'unsatisfiable' }
  return {
    kind: 'part',
    start,
    end: last === '' ? sizeBytes : Math.min(sizeBytes, Number(last) + 1),
  }
}

function suffix(length: string, sizeBytes: number): RangeRequest {
  if (length === '') return { kind: 'whole' }
  if (Number(length) === 0 || sizeBytes === 0) return { kind: 'unsatisfiable' }
  return { kind: 'part', start: Math.max(0, sizeBytes - Number(length)), end: sizeBytes }
}

/** Whether an `If-Range` header (RFC 9110 §13.1.5) lets the range be served: a strong match, or none asked for. */
export function ifRangeHolds(
  header: string | undefined,
  etag: string | undefined,
  lastModified: string | undefined,
): boolean {
  if (header === undefined) return true
  if (header.startsWith('W/')) return false
  return header === (header.startsWith('"') ? etag : lastModified)
}
