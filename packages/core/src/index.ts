export { AsyncQueue } from './async/async-queue.ts'
export { background } from './async/background.ts'
export { type Deferred, deferred } from './async/deferred.ts'
export { FairSlots, type SlotClaim } from './async/fair-slots.ts'
export { type LinkedSignal, linkSignals } from './async/link-signals.ts'
export { Listeners } from './async/listeners.ts'
export { RateLimiter, type RateLimiterOptions } from './async/rate-limiter.ts'
export { type RetryOptions, retry } from './async/retry.ts'
export { Semaphore } from './async/semaphore.ts'
export { SharedJob } from './async/shared-job.ts'
export { abortable, type Deadline, deadline, settledWithin, sleep } from './async/time.ts'
export { formatBytes, formatRate, parseByteSize } from './config/byte-size.ts'
export { formatDuration, parseDuration } from './config/duration.ts'
export { Crc32, formatCrc32, parseCrc32 } from './digest/crc32.ts'
export {
  createHasher,
  type Digest,
  type DigestAlgorithm,
  formatDigest,
  type Hasher,
  parseDigest,
} from './digest/digest.ts'
export {
  areSameValidators,
  contradict,
  type Validators,
  validatorsOf,
} from './digest/validators.ts'
export { aborted } from './errors/aborted.ts'
export { type ErrorCode, errorTraits, type GrpcStatus } from './errors/codes.ts'
export {
  type Blame,
  DfError,
  type DfErrorOptions,
  isAbort,
  isDfError,
} from './errors/df-error.ts'
export {
  asHostId,
  asPeerId,
  asPieceId,
  asTaskId,
  type HostId,
  type PeerId,
  type PieceId,
  type TaskId,
} from './ids/brands.ts'
export { type LegacyTaskIdInput, legacyTaskIdV1 } from './ids/legacy-task-id.ts'
export { type HostIdentity, hostId, peerId, pieceId } from './ids/node-ids.ts'
export {
  type PersistentCacheTaskIdInput,
  persistentCacheTaskId,
  persistentTaskId,
  type TaskIdInput,
  taskId,
  taskRevision,
} from './ids/task-id.ts'
export { type RepeatingTaskOptions, repeatingTask } from './lifecycle/repeating-task.ts'
export type { Running } from './lifecycle/running.ts'
export { ServiceStack, startWith } from './lifecycle/service-stack.ts'
export { type Log, silentLog } from './observe/log.ts'
export { Bitset } from './piece/bitset.ts'
export {
  type ByteRange,
  type ContentRange,
  formatRangeHeader,
  parseContentRange,
  parseRangeHeader,
} from './piece/byte-range.ts'
export {
  checkPieceLength,
  defaultPieceLength,
  MAX_PIECE_LENGTH,
  MIN_PIECE_LENGTH,
  type PieceGeometry,
  type PieceInterval,
  type PieceSpan,
  pieceGeometry,
  pieceSpan,
  piecesOverlapping,
  TARGET_PIECE_COUNT,
} from './piece/geometry.ts'
export {
  createHashFamily,
  type HashFamilyOptions,
  hashFamilyNames,
} from './ring/create-hash-family.ts'
export { DragonflyRing, type RustStd } from './ring/dragonfly-ring.ts'
export type { HashFamily, HashFamilyName } from './ring/hash-family.ts'
export { hrw } from './ring/hrw.ts'
export { sipHash24 } from './ring/sip-hash.ts'
export { type CancelTimer, type Clock, systemClock } from './seams/clock.ts'
export { type Disk, type DiskFile, type DiskStat, errorCode, systemDisk } from './seams/disk.ts'
export { type Endpoint, type Network, type OnRead, systemNetwork } from './seams/network.ts'
export { type Random, randomInt, sample, seededRandom, systemRandom } from './seams/random.ts'
export { defaultFilteredQueryParams, filterUrl } from './url/filter-url.ts'
export { parseUrl } from './url/parse-url.ts'
