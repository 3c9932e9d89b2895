import * as fs from 'node:fs'

/** `SYNC_FILE_RANGE_WRITE` of sync_file_range(2): begin to write the dirty pages of the range, wait for none. */
const beginWriting = 2
/** A call blocks while the disk's queue is full. What comes meanwhile is left to the system, as if nobody had asked. */
const maxUnderWay = 2

type SyncRange = (
  descriptor: number,
  offset: number,
  length: number,
  flags: number,
  done: () => void,
) => void

let syncRange: SyncRange | undefined
let isLoading = false
/** Of this thread: all its files lie on one disk. */
let underWay = 0

/**
 * Has the system begin to write a range of a file to the disk. Only a hint: it changes what is dirty, and so who waits, not
 * what is safe (that takes fsync), and nothing is said when it cannot be done.
 */
export function writeBack(
  path: string,
  { offset, length }: { offset: number; length: number },
): void {
  if (syncRange === undefined) {
    load()
    return
  }
  if (underWay >= maxUnderWay) return
  let descriptor: number
  try {
    // Of its own, so that nobody has to wait with closing the file.
    descriptor = fs.openSync(path, 'r')
  } catch {
    return
  }
  underWay += 1
  syncRange(descriptor, offset, length, beginWriting, () => {
    underWay -= 1
    fs.closeSync(descriptor)
  })
}

/** Through koffi, which takes some milliseconds to load; the first ranges are left to the system. */
function load(): void {
  if (isLoading || process.platform !== 'linux') return
  isLoading = true
  import('koffi').then(
    ({ default: koffi }) => {
      const call = koffi
        .load(null)
        .func('int sync_file_range(int fd, int64 offset, int64 length, uint32 flags)')
      syncRange = (descriptor, offset, length, flags, done) =>
        call.async(descriptor, offset, length, flags, done)
    },
    // Not installed, or not for this platform.
    () => {},
  )
}
