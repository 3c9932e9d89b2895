/** More pieces than this are not a task but a mistake: 4 TiB in pieces of 1 MiB. */
export const MAX_PIECES = 1 << 22

/** Times in milliseconds. */
export interface SchedulerCoreOptions {
  /** Parents per answer to one of Dragonfly's peers. */
  readonly parentLimit: number
  /** Neighbours per answer to a daemon of ours ... */
  readonly meshLimit: number
  /** ... and when its host said where it stands: three of four from near. */
  readonly placedMeshLimit: number
  /** A granted lease must show life within this time, else it moves on. */
  readonly startDeadlineMs: number
  /** A parent that a peer reported comes back for it after this time ... */
  readonly blockMs: number
  /** ... and one that a daemon of ours has lost after this, the next times after twice as long, up to `blockMs`. */
  readonly lossMs: number
  /** A seed that failed is passed over for this time. */
  readonly seedRetryMs: number
  /** So many leases refused by the origin within the window end the waiting of all. */
  readonly sourceRefusalLimit: number
  readonly sourceRefusalWindowMs: number
  /**
   * A scheduler into whose first so many milliseconds an inventory falls has been restarted: it sends nobody to the origin
   * before they are over, because more hosts will tell what they hold.
   */
  readonly learnMs: number
  /**
   * So many waiting peers are answered within one event; the others by `continued` events, which the driver sends while
   * `hasBacklog`, so that a crowd does not keep everybody else from being heard.
   */
  readonly answersPerEvent: number
  /** Rust peers give up after so many answers on a stream (`maxScheduleCount`). */
  readonly answersPerStream: number
  /** A downloading peer without a piece for this long has failed. */
  readonly pieceDownloadTimeoutMs: number
  readonly peerTtlMs: number
  readonly peerGcIntervalMs: number
  readonly taskGcIntervalMs: number
  /** A host silent for this long is gone even when it announced a longer interval. */
  readonly hostTtlMs: number
  /** Facts of a task without peers are forgotten after this time. */
  readonly factsTtlMs: number
  /** An elected caller must tell the facts within this time, else the next one is elected. */
  readonly resolveDeadlineMs: number
  /** Callers that wait for one task's facts. */
  readonly maxResolveCallers: number
  /** Streams that watch the piece digests of one task. */
  readonly maxDigestWatchers: number
  /** Memory for the piece digests of all tasks, about 50 bytes for each piece; beyond it none are taken in. */
  readonly maxDigestBytes: number
  // Tables shrink by gc; beyond these sizes newcomers are turned away. Per task a host keeps five finished peers, per
  // peer 64 hosts are blocked, a task has at most 4 Mi pieces.
  readonly maxHosts: number
  readonly maxTasks: number
  readonly maxPeers: number
}

const secondMs = 1000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs

export const defaultCoreOptions: SchedulerCoreOptions = {
  parentLimit: 4,
  meshLimit: 12,
  placedMeshLimit: 16,
  startDeadlineMs: 10 * secondMs,
  blockMs: 30 * secondMs,
  lossMs: 4 * secondMs,
  seedRetryMs: 30 * secondMs,
  sourceRefusalLimit: 3,
  sourceRefusalWindowMs: 60 * secondMs,
  learnMs: 5 * secondMs,
  answersPerEvent: Number.POSITIVE_INFINITY,
  answersPerStream: 5,
  pieceDownloadTimeoutMs: 30 * minuteMs,
  peerTtlMs: 24 * hourMs,
  peerGcIntervalMs: 10 * secondMs,
  taskGcIntervalMs: 30 * minuteMs,
  hostTtlMs: hourMs,
  factsTtlMs: 60 * secondMs,
  resolveDeadlineMs: 30 * secondMs,
  maxResolveCallers: 10_000,
  maxDigestWatchers: 65_536,
  maxDigestBytes: 1 << 29,
  maxHosts: 65_536,
  maxTasks: 1_000_000,
  maxPeers: 2_000_000,
}
