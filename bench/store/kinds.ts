import { createHash } from 'node:crypto'
import { asTaskId, silentLog, systemClock, systemDisk } from '@damselfly/core'
import { openStore, type PieceStore, type StoreOptions, type TaskSpec } from '@damselfly/storage'

/** A store as the daemon can be told to have it. */
export interface StoreKind {
  readonly name: string
  readonly options: Partial<StoreOptions>
  /** Every commit waits for the disk. */
  readonly isDurable?: boolean
}

const memoryBytes = 2 * 1024 ** 3
const key = new Uint8Array(32).fill(7)

export const storeKinds: readonly StoreKind[] = [
  { name: 'disk', options: {} },
  { name: 'disk, durable', options: { mode: 'durable' }, isDurable: true },
  { name: 'disk, direct I/O', options: { directIO: true } },
  { name: 'encrypted', options: { keyFor: () => key } },
  { name: 'memory', options: { media: { kind: 'memory', maxBytes: memoryBytes } } },
  { name: 'tiered', options: { media: { kind: 'tiered', maxBytes: memoryBytes } } },
]

export function openKind(
  { options }: Pick<StoreKind, 'options'>,
  dir: string,
): Promise<PieceStore> {
  return openStore({
    dir,
    keep: true,
    clock: systemClock,
    disk: systemDisk,
    log: silentLog,
    ...options,
  })
}

/** A task of so many equal pieces. */
export function taskOf(name: string, pieces: number, pieceLength: number): TaskSpec {
  return {
    taskId: asTaskId(createHash('sha256').update(name).digest('hex')),
    url: `http://origin.test/${name}?version=1`,
    tag: '',
    application: 'bench',
    contentLength: pieces * pieceLength,
    pieceLength,
    responseHeader: { 'content-type': 'application/octet-stream', etag: `"${name}"` },
  }
}
