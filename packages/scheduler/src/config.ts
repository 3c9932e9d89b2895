import { type DeepReadonly, duration } from '@damselfly/core/config'
import { z } from 'zod'
import { experimentsConfigSchema } from './experiments/experiments-config.ts'

const port = z.number().int().min(0).max(65_535)
const ip = z.union([z.ipv4(), z.ipv6()])
const time = (text: string) => duration.prefault(text)

/** Accepted because Dragonfly has it, without effect here yet; `unusedKeys` names those that are set. */
const notUsed = z.unknown().optional()

const server = z.strictObject({
  /** Address to listen on. Default 0.0.0.0. */
  listenIP: ip.default('0.0.0.0'),
  /** Port to listen on; 0 takes a free one. Default 8002. */
  port: port.default(8002),
  /** Told to the manager; without one nobody asks for it. Default: listenIP. */
  advertiseIP: ip.optional(),
  /** Told to the manager. Default: port. */
  advertisePort: port.optional(),
  host: notUsed,
  tls: notUsed,
  requestRateLimit: notUsed,
  logDir: notUsed,
  logLevel: notUsed,
  logMaxSize: notUsed,
  logMaxAge: notUsed,
  logMaxBackups: notUsed,
  pluginDir: notUsed,
})

const gc = z.strictObject({
  /** A download without a piece for this long has failed. Default 30m. */
  pieceDownloadTimeout: time('30m'),
  /** How often peers are looked through. Default 10s. */
  peerGCInterval: time('10s'),
  /** A finished peer is forgotten after this time. Default 24h. */
  peerTTL: time('24h'),
  /** How often tasks without peers are forgotten. Default 30m. */
  taskGCInterval: time('30m'),
  /** Hosts are looked at every second. */
  hostGCInterval: notUsed,
  /** A host silent for this long is gone, whatever interval it announced. Default 1h. */
  hostTTL: time('1h'),
})

const policy = z
  .strictObject({
    /** `default`, `random`, `two-choices`, `dragonfly`, `bandit`, or the name of a plug-in. */
    name: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'expected lower-case letters, digits and -'),
    /** What the policy lets one choose; docs/scheduling.md. Default: its own defaults. */
    params: z.record(z.string(), z.unknown()).default({}),
    /** Where the plug-in `<name>.mjs` is. Default: the policy comes with the program. */
    directory: z.string().min(1).optional(),
    /** SHA-256 of the plug-in's file; no other one is loaded. */
    digest: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, 'expected 64 hexadecimal digits')
      .optional(),
    /** A plug-in that is slower three times within 10 s is replaced by `default`. Default 1ms. */
    budget: time('1ms'),
  })
  .refine(({ directory, digest }) => (directory === undefined) === (digest === undefined), {
    error: 'a plug-in needs both directory and digest',
  })

const address = z.string().regex(/^.+:\d{1,5}$/, 'expected ip:port')

const replicas = z
  .strictObject({
    /** This scheduler, as the daemons of the cluster name it. */
    address,
    /** All schedulers of the cluster, as the daemons name them. */
    addresses: z.array(address).min(1).max(100),
    /** With more than so many times the mean number of peers new swarms go to another scheduler. Default 1.25. */
    overloadFactor: z.number().min(1).finite().default(1.25),
    /** How often the others are asked how many peers they have. Default 3s. */
    interval: time('3s'),
    /** With fewer peers than this none go. Default 1000. */
    minPeers: z.int().min(0).default(1000),
  })
  .refine(({ address, addresses }) => addresses.includes(address), {
    error: 'addresses must contain address',
  })

const scheduler = z.strictObject({
  /** How parents are chosen, by name only; see `policy`. Default `default`. */
  algorithm: z.enum(['default', 'random']).default('default'),
  /** How parents are chosen, in detail. Default: `algorithm`. */
  policy: policy.optional(),
  /** Parents per answer to Dragonfly's peers; there part of the cluster's dynamic configuration. Default 4. */
  candidateParentLimit: z.number().int().min(1).max(20).default(4),
  // Leases take the place of counting who may go to the origin, pushing that of trying again.
  backToSourceCount: notUsed,
  retryBackToSourceLimit: notUsed,
  retryLimit: notUsed,
  retryInterval: notUsed,
  gc: gc.prefault({}),
  /** The other schedulers of the cluster, to even out the load; docs/scheduling.md. Default: none are known. */
  replicas: replicas.optional(),
  /** Comparing policies on live traffic; see docs/experiments.md. */
  experiment: experimentsConfigSchema.prefault({}),
})

const seedPeer = z.strictObject({
  /** How long a seed may take for a task. Default 10h. */
  taskDownloadTimeout: time('10h'),
  tls: notUsed,
})

const metrics = z.strictObject({
  /** Serve `GET /metrics`. Default false. */
  enable: z.boolean().default(false),
  /** `ip:port`, or `:port` for every address. Default :8000. */
  addr: z
    .string()
    .regex(/^.*:\d{1,5}$/, 'expected ip:port or :port')
    .default(':8000'),
  enableHost: notUsed,
})

/** scheduler.yaml: Dragonfly's keys (interop.md 1.3), and `scheduler.candidateParentLimit`. */
export const schedulerConfigSchema = z.strictObject({
  server: server.prefault({}),
  scheduler: scheduler.prefault({}),
  seedPeer: seedPeer.prefault({}),
  metrics: metrics.prefault({}),
  database: notUsed,
  dynConfig: notUsed,
  host: notUsed,
  manager: notUsed,
  peer: notUsed,
  job: notUsed,
  tracing: notUsed,
  network: notUsed,
})

export type SchedulerConfig = DeepReadonly<z.output<typeof schedulerConfigSchema>>

/** Keys that are set but have no effect in this version, as paths, for a warning at start. */
export function unusedKeys(config: unknown): string[] {
  return walk(config, schedulerConfigSchema, '')
}

function walk(value: unknown, schema: z.ZodType, path: string): string[] {
  if (schema === notUsed) return value === undefined ? [] : [path]
  const inner = schema instanceof z.ZodPrefault ? (schema.unwrap() as z.ZodType) : schema
  if (!(inner instanceof z.ZodObject) || typeof value !== 'object' || value === null) return []
  const shape: Readonly<Record<string, z.ZodType>> = inner.shape
  return Object.entries(value).flatMap(([key, part]) => {
    const partSchema = shape[key]
    if (partSchema === undefined) return []
    return walk(part, partSchema, path === '' ? key : `${path}.${key}`)
  })
}
