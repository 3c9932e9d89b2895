import { byteSize, type DeepReadonly, duration } from '@damselfly/core/config'
import type { GcPolicy, GcQuota } from '@damselfly/storage/gc'
import { z } from 'zod'

const percent = z.number().int().min(1).max(99)
/** Bytes per application or tag; `*` = each that is not named. */
const limits = z.record(z.string(), byteSize).default({})

const defaultHighPercent = 80
const defaultLowPercent = 60

/** Dragonfly's keys have two spellings; `dist...` is the older one. */
const spellings = [
  ['diskThreshold', 'distThreshold'],
  ['diskHighThresholdPercent', 'distHighThresholdPercent'],
  ['diskLowThresholdPercent', 'distLowThresholdPercent'],
] as const

const gcPolicySchema = (notUsed: z.ZodOptional<z.ZodUnknown>) =>
  z
    .strictObject({
      /** A task unused for this long is deleted; 0s = never for that reason. Default 30d. */
      taskTTL: duration.prefault('30d'),
      /** Age at which persistent tasks without an end of their own are deleted; 0s = never. Default 0s (Dragonfly: 1d). */
      persistentTaskTTL: duration.prefault('0s'),
      persistentCacheTaskTTL: duration.prefault('0s'),
      /** An incomplete task unused for this long is deleted; 0s = it is treated like a complete one. Default 7d. */
      incompleteTTL: duration.prefault('7d'),
      /** An incomplete task used within this time stays whatever is needed. Default 1h. */
      incompleteMinIdle: duration.prefault('1h'),
      /** Dragonfly's name of `gc.quota`; 0 = none. */
      diskThreshold: byteSize.optional(),
      distThreshold: byteSize.optional(),
      /** At this much of the capacity tasks are deleted, the longest unused first. Default 80. */
      diskHighThresholdPercent: percent.optional(),
      distHighThresholdPercent: percent.optional(),
      /** ... until this much is left. Default 60. */
      diskLowThresholdPercent: percent.optional(),
      distLowThresholdPercent: percent.optional(),
      pageCacheIdleTimeout: notUsed,
    })
    .superRefine((policy, context) => {
      for (const [name, older] of spellings) {
        if (policy[name] === undefined || policy[older] === undefined) continue
        const message = `${name} and ${older} are the same setting; remove one`
        context.addIssue({ code: 'custom', path: [older], message })
      }
      const { high, low } = thresholds(policy)
      if (low < high) return
      const message = `the low threshold (${low} %) must be below the high one (${high} %)`
      context.addIssue({ code: 'custom', path: ['diskLowThresholdPercent'], message })
    })

interface Thresholds {
  readonly diskHighThresholdPercent?: number | undefined
  readonly distHighThresholdPercent?: number | undefined
  readonly diskLowThresholdPercent?: number | undefined
  readonly distLowThresholdPercent?: number | undefined
}

function thresholds(policy: Thresholds): { high: number; low: number } {
  const high = policy.diskHighThresholdPercent ?? policy.distHighThresholdPercent
  const low = policy.diskLowThresholdPercent ?? policy.distLowThresholdPercent
  return { high: high ?? defaultHighPercent, low: low ?? defaultLowPercent }
}

/** The section `gc` of dfdaemon.yaml. `notUsed` is the schema of keys that are accepted without effect. */
export const gcSchema = (notUsed: z.ZodOptional<z.ZodUnknown>) =>
  z
    .strictObject({
      /** Between two runs. Default 900s. */
      interval: duration.refine((ms) => ms >= 1000, 'must be at least 1s').prefault('900s'),
      policy: gcPolicySchema(notUsed).prefault({}),
      /** Bytes that the store may hold; 100 % of the thresholds. 0 = what the disk gives. Default 0. */
      quota: byteSize.optional(),
      /** What parts of the store may hold. Default: no limits. */
      quotas: z.strictObject({ applications: limits, tags: limits }).prefault({}),
      scrub: z
        .strictObject({
          /** Read again what lies in the store, and drop what has gone bad. Default true. */
          enable: z.boolean().default(true),
          /** Bytes read per second. Default 16MiB. */
          bandwidthLimit: byteSize
            .refine((bytes) => bytes > 0, 'must be more than 0; scrub.enable: false turns it off')
            .prefault('16MiB'),
          /** Each piece is read about once in this time, if the bandwidth allows. Default 7d. */
          interval: duration.prefault('7d'),
        })
        .prefault({}),
    })
    .superRefine(({ quota, policy }, context) => {
      if (quota === undefined || (policy.diskThreshold ?? policy.distThreshold) === undefined)
        return
      const message = 'gc.policy.diskThreshold is the same setting; remove one'
      context.addIssue({ code: 'custom', path: ['quota'], message })
    })

export type GcConfig = DeepReadonly<z.output<ReturnType<typeof gcSchema>>>

/** What the collector makes of the configuration. */
export function gcPolicy({ policy, quota, quotas }: GcConfig): GcPolicy {
  const { high, low } = thresholds(policy)
  const quotaBytes = quota ?? policy.diskThreshold ?? policy.distThreshold ?? 0
  return {
    taskTtlMs: policy.taskTTL,
    persistentTtlMs: policy.persistentTaskTTL,
    persistentCacheTtlMs: policy.persistentCacheTaskTTL,
    incompleteTtlMs: policy.incompleteTTL,
    incompleteMinIdleMs: policy.incompleteMinIdle,
    quotaBytes: quotaBytes === 0 ? undefined : quotaBytes,
    highPercent: high,
    lowPercent: low,
    quotas: [
      quotaOf('application', quotas.applications, (spec) => spec.application),
      quotaOf('tag', quotas.tags, (spec) => spec.tag),
    ].filter((rule) => rule !== undefined),
  }
}

function quotaOf(
  name: string,
  given: Readonly<Record<string, number>>,
  keyOf: GcQuota['keyOf'],
): GcQuota | undefined {
  // Names come from whoever downloads: `__proto__` is one like others.
  const limitBytes = new Map(Object.entries(given))
  if (limitBytes.size === 0) return undefined
  const others = limitBytes.get('*')
  return { name, keyOf, limitOf: (key) => limitBytes.get(key) ?? others }
}
