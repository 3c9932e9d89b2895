import { DfError } from '@damselfly/core'
import { byteSize, type DeepReadonly, duration } from '@damselfly/core/config'
import { parseRateTable } from '@damselfly/transport'
import { z } from 'zod'
import { gcSchema } from './store-care/config.ts'

const port = z.number().int().min(0).max(65_535)
const seconds = (text: string) => duration.prefault(text)

/** Accepted because Dragonfly has it, without effect here yet; `unusedKeys` names those that are set. */
const notUsed = z.unknown().optional()

/** Refused, unlike those: who sets them counts on encryption and on peers that prove who they are. */
const tls = z
  .unknown()
  .refine((value) => value === undefined || value === null, {
    error: ({ path }) => `TLS is not in this version; remove ${path?.join('.')}`,
  })
  .optional()
const tlsKeys = { caCert: tls, cert: tls, key: tls }

const isPositive = (bytes: number): boolean => bytes > 0
const aRate = 'a rate has to be above 0'

const ratePeriod = z.string().superRefine((text, context) => {
  try {
    parseRateTable([text])
  } catch (error) {
    context.addIssue({ code: 'custom', message: DfError.from(error).message })
  }
})

const host = z.strictObject({
  /** Data centre; part of how near two hosts are. Default: none. */
  idc: z.string().optional(),
  /** `region|zone|rack`, up to five elements, the widest first. Default: none. */
  location: z.string().optional(),
  /** Name in host and peer ids. Default: the operating system's. */
  hostname: z.string().min(1).optional(),
  /** Advertised IP address. Default: the first IPv4 address of the host. */
  ip: z.union([z.ipv4(), z.ipv6()]).optional(),
  schedulerClusterID: z.number().int().min(0).default(0),
})

const timing = z.strictObject({
  /** Without a piece for this long although parents live, others are asked for. Default 2s. */
  starvedAfter: seconds('2s'),
  /** First pause between two such questions; doubles up to maxReschedulePause. Default 500ms. */
  reschedulePause: seconds('500ms'),
  /** Default 8s. */
  maxReschedulePause: seconds('8s'),
  /** All schedulers lost, parents alive but quiet: once to twice this long before the origin. Default 15s. */
  patience: seconds('15s'),
  /** All schedulers lost in mid-download and no parent left: random wait of up to this long before the origin. Default 5s. */
  fallbackSpread: seconds('5s'),
  /** Pause between attempts to reach a lost scheduler. Default 1s. */
  reconnectPause: seconds('1s'),
})

const download = z.strictObject({
  server: z
    .strictObject({
      /** Unix socket of the local API. */
      socketPath: z.string().min(1).default('/var/run/dragonfly/dfdaemon.sock'),
      requestRateLimit: notUsed,
      requestBufferSize: notUsed,
    })
    .prefault({}),
  /** Only tcp is spoken. */
  protocol: z.literal('tcp').default('tcp'),
  /** Bytes per second from peers. Default 50GB. */
  bandwidthLimit: byteSize.prefault('50GB'),
  /** Bytes per second from origins. Default 50GB. */
  backToSourceBandwidthLimit: byteSize.prefault('50GB'),
  /** A parent that sends no byte of a piece for this long is given up. Default 5s. */
  pieceIdleTimeout: seconds('5s'),
  /** A piece that takes a peer longer than this as a whole is asked of another one. Default 360s. */
  pieceTimeout: seconds('360s'),
  collectedPieceTimeout: notUsed,
  /** Pieces fetched at a time; half as many requests to an origin. Default 8. */
  concurrentPieceCount: z.number().int().min(1).max(64).default(8),
  timing: timing.prefault({}),
})

const upload = z.strictObject({
  server: z
    .strictObject({
      ip: z.string().default('0.0.0.0'),
      port: port.default(4000),
      ...tlsKeys,
      requestRateLimit: notUsed,
      requestBufferSize: notUsed,
    })
    .prefault({}),
  client: z.strictObject(tlsKeys).nullish(),
  /** This host takes from the swarm and gives nothing. Default false. */
  disableShared: z.boolean().default(false),
  /** Bytes per second to peers. Default 50GB. */
  bandwidthLimit: byteSize.refine(isPositive, aRate).prefault('50GB'),
  /** Other limits at other times of the day, `08:00-18:00=10MB` or `=unlimited`, times of this host. Default: none. */
  bandwidthTable: z.array(ratePeriod).default([]),
  /** Bytes per second to peers of one task. Default: no limit of its own. */
  taskBandwidthLimit: byteSize.refine(isPositive, aRate).optional(),
  /** Pieces being sent at once, half of them to one child at most; others wait, children and tasks in turn. Default 64. */
  slots: z.number().int().min(1).max(4_096).default(64),
  /**
   * Bytes per second. A child that takes less over 30 s is dropped, so that others get its slot; what our own limits hold back
   * does not count. 0 = never. Default 64KiB.
   */
  minRate: byteSize.prefault('64KiB'),
})

const scheduler = z.strictObject({
  /** `ip:port` of each scheduler; empty = none, downloads go to the origin. */
  addrs: z.array(z.string().regex(/^.+:\d+$/, 'expected ip:port')).default([]),
  /**
   * How a task's scheduler is chosen; the same on every daemon. `dragonfly` where Dragonfly's daemons share the schedulers.
   * Default: dragonfly in interop mode, else hrw.
   */
  ring: z.enum(['hrw', 'dragonfly']).optional(),
  /** How often schedulers may expect the host to be announced; it is at least every 30s. Default 300s. */
  announceInterval: seconds('300s'),
  /** How long a scheduler may take to begin an answer. Default 10s. */
  answerTimeout: seconds('10s'),
  /** How long a scheduler may leave a download without an order. Default 10m. */
  scheduleTimeout: seconds('10m'),
  maxScheduleCount: notUsed,
  ...tlsKeys,
})

const storage = z.strictObject({
  server: z
    .strictObject({
      ip: z.string().default('0.0.0.0'),
      tcpPort: port.default(4005),
      tcpFastopen: notUsed,
      quicPort: notUsed,
    })
    .prefault({}),
  dir: z.string().min(1).default('/var/lib/dragonfly/'),
  /** Keep content over restarts. Default true (Dragonfly: false). */
  keep: z.boolean().default(true),
  /** Where content lies: on the disk, in memory, in memory over the disk, or where a plug-in puts it. Default disk. */
  kind: z.enum(['disk', 'memory', 'tiered', 'plug-in']).default('disk'),
  /** Of the kinds memory and tiered. */
  memory: z
    .strictObject({
      /** Bytes of content that may lie in memory. Default 1GiB. */
      maxBytes: byteSize.prefault('1GiB'),
    })
    .prefault({}),
  /** Of the kind plug-in. */
  plugin: z
    .strictObject({
      /** Path of the ES module. */
      module: z.string().min(1).optional(),
      options: z.unknown().optional(),
    })
    .prefault({}),
  encryption: z
    .strictObject({
      /** File with 64 hex digits: content is encrypted with a key made of it before it is written. Default: none. */
      keyFile: z.string().min(1).optional(),
    })
    .prefault({}),
  /** What a power cut may cost: fast = the pieces of the last half minute, durable = nothing. Default fast. */
  sync: z.enum(['fast', 'durable']).default('fast'),
  /** Write past the page cache: true, false, auto = contents that are large beside the memory, while the disk keeps up. Default auto. */
  directIO: z.union([z.boolean(), z.literal('auto')]).default('auto'),
  writePieceTimeout: notUsed,
  writeBufferSize: notUsed,
  readBufferSize: notUsed,
  cacheCapacity: notUsed,
})

const transfer = z.strictObject({
  /** Threads that fetch pieces; one more sends them. 0: the control thread does both. Default: one for two cores, at most 4. */
  threads: z.number().int().min(0).max(64).optional(),
  /**
   * TLS 1.3 between daemons of our kind: off, prefer = with every peer that offers it, require = pieces come from such peers
   * only. Dragonfly's peers do not speak it. Default off.
   */
  tls: z.enum(['off', 'prefer', 'require']).default('off'),
  /** Pieces that shrink travel in zstd to peers behind slow links: auto or off. Default auto. */
  compression: z.enum(['off', 'auto']).default('auto'),
  /** Pieces and requests to origins under way for all downloads together, the most important first. Default 32. */
  concurrentPieces: z.number().int().min(1).max(1_024).default(32),
})

const source = z.strictObject({
  /** Connecting to an origin. Default 5s. */
  connectTimeout: seconds('5s'),
  /** Until an origin's response headers. Default 30s. */
  headersTimeout: seconds('30s'),
  /** Without a byte from an origin. Default 30s. */
  idleTimeout: seconds('30s'),
  /** Further tries after a failure that may pass. Default 2. */
  maxRetries: z.number().int().min(0).max(100).default(2),
  requestHeader: notUsed,
  enableCacheTemporaryRedirect: notUsed,
  cacheTemporaryRedirectTTL: notUsed,
  putConcurrentChunkCount: notUsed,
  putChunkSize: notUsed,
  putTimeout: notUsed,
  enableHickoryDNS: notUsed,
})

const endpoint = (defaultPort: number) =>
  z
    .strictObject({
      server: z
        .strictObject({ ip: z.string().default('0.0.0.0'), port: port.default(defaultPort) })
        .prefault({}),
    })
    .prefault({})

/** dfdaemon.yaml: Dragonfly's keys (interop.md 1.2), and those that only Damselfly has. */
export const daemonConfigSchema = z.strictObject({
  host: host.prefault({}),
  download: download.prefault({}),
  upload: upload.prefault({}),
  scheduler: scheduler.prefault({}),
  seedPeer: z
    .strictObject({
      enable: z.boolean().default(false),
      type: z.enum(['super', 'strong', 'weak']).default('super'),
    })
    .prefault({}),
  storage: storage.prefault({}),
  gc: gcSchema(notUsed).prefault({}),
  /** How pieces travel between this host and others; only Damselfly has it. */
  transfer: transfer.prefault({}),
  backend: source.prefault({}),
  health: endpoint(4003),
  metrics: endpoint(4002),
  /** How long running transfers may go on after a stop was asked for. Default 10s. */
  shutdown: z.strictObject({ grace: seconds('10s') }).prefault({}),
  /** Leave when nothing was asked for this long; 0s = never. Set by `get` when it starts a daemon. */
  idleExit: seconds('0s'),
  manager: z
    .strictObject({
      /** `http://host:port` of a manager that names the schedulers instead of scheduler.addrs. Default: none. */
      addr: z.string().optional(),
      ...tlsKeys,
    })
    .prefault({}),
  dynconfig: z
    .strictObject({
      /** How often the manager is asked. Default 60s. */
      refreshInterval: seconds('60s'),
    })
    .prefault({}),
  /** Dragonfly's daemons or schedulers are in the same swarm. Default false. */
  interop: z.strictObject({ dragonfly: z.boolean().default(false) }).prefault({}),
  server: notUsed,
  proxy: notUsed,
  security: notUsed,
  stats: notUsed,
  tracing: notUsed,
  network: notUsed,
})

export type DaemonConfig = DeepReadonly<z.output<typeof daemonConfigSchema>>

/** Keys that are set but have no effect in this version, as paths, for a warning at start. */
export function unusedKeys(given: unknown): string[] {
  return walk(given, daemonConfigSchema, '')
}

function walk(value: unknown, schema: z.ZodType, path: string): string[] {
  if (schema === notUsed) return value === undefined ? [] : [path]
  const inner = schema instanceof z.ZodPrefault ? (schema.unwrap() as z.ZodType) : schema
  if (!(inner instanceof z.ZodObject) || typeof value !== 'object' || value === null) return []
  const shape: Readonly<Record<string, z.ZodType>> = inner.shape
  return Object.entries(value).flatMap(([key, part]) => {
    const partSchema = shape[key]
    return partSchema === undefined
      ? []
      : walk(part, partSchema, path === '' ? key : `${path}.${key}`)
  })
}
