import { asTaskId, isDfError } from '@damselfly/core'
import { loadConfig } from '@damselfly/core/config'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { gcPolicy, gcSchema } from './config.ts'

const notUsed = z.unknown().optional()
const schema = z.strictObject({ gc: gcSchema(notUsed).prefault({}) })
const load = (text: string) => loadConfig({ schema, text }).gc
const policyOf = (text: string) => gcPolicy(load(text))
const dayMs = 86_400_000

function refusal(text: string): unknown {
  try {
    load(text)
  } catch (error) {
    return isDfError(error, 'InvalidConfig') ? error.message : error
  }
  return undefined
}

describe('the section gc', () => {
  it("has Dragonfly's defaults, and keeps persistent tasks", () => {
    expect(policyOf('')).toEqual({
      taskTtlMs: 30 * dayMs,
      persistentTtlMs: 0,
      persistentCacheTtlMs: 0,
      incompleteTtlMs: 7 * dayMs,
      incompleteMinIdleMs: 3_600_000,
      quotaBytes: undefined,
      highPercent: 80,
      lowPercent: 60,
      quotas: [],
    })
    expect(load('')).toMatchObject({
      interval: 900_000,
      scrub: { enable: true, bandwidthLimit: 16 * 1024 * 1024, interval: 7 * dayMs },
    })
  })

  it("takes Dragonfly's keys in both spellings", () => {
    const spelled = (prefix: string) => `
      gc:
        interval: 10m
        policy:
          taskTTL: 7d
          persistentTaskTTL: 1d
          persistentCacheTaskTTL: 2d
          pageCacheIdleTimeout: 40m
          ${prefix}Threshold: 10GiB
          ${prefix}HighThresholdPercent: 70
          ${prefix}LowThresholdPercent: 50`
    const expected = {
      taskTtlMs: 7 * dayMs,
      persistentTtlMs: dayMs,
      persistentCacheTtlMs: 2 * dayMs,
      quotaBytes: 10 * 1024 ** 3,
      highPercent: 70,
      lowPercent: 50,
    }
    expect(policyOf(spelled('disk'))).toMatchObject(expected)
    expect(policyOf(spelled('dist'))).toMatchObject(expected)
    expect(load(spelled('disk')).interval).toBe(600_000)
  })

  it('has quotas in all, and per application and tag', () => {
    const policy = policyOf(`
      gc:
        quota: 1TiB
        quotas:
          applications: {ml: 100GiB, "*": 1GiB}
          tags: {nightly: 5GB, __proto__: 7}`)
    expect(policy.quotaBytes).toBe(1024 ** 4)
    const limitsOf = (application: string, tag: string) =>
      policy.quotas.map((quota) => {
        const key = quota.keyOf({ taskId: asTaskId('t'), application, tag })
        return [quota.name, key, quota.limitOf(key ?? '')]
      })
    expect(limitsOf('ml', 'nightly')).toEqual([
      ['application', 'ml', 100 * 1024 ** 3],
      ['tag', 'nightly', 5e9],
    ])
    expect(limitsOf('', 'constructor')).toEqual([
      ['application', '', 1024 ** 3],
      ['tag', 'constructor', undefined],
    ])
  })

  it('takes 0 for no quota', () => {
    expect(policyOf('gc: {quota: 0}').quotaBytes).toBeUndefined()
    expect(policyOf('gc: {policy: {diskThreshold: 0}}').quotaBytes).toBeUndefined()
  })

  it.each([
    ['{quota: 1GiB, policy: {diskThreshold: 2GiB}}', 'gc.policy.diskThreshold is the same setting'],
    ['{policy: {diskThreshold: 1, distThreshold: 1}}', 'are the same setting; remove one'],
    ['{policy: {diskHighThresholdPercent: 60}}', 'low threshold (60 %) must be below the high one'],
    ['{policy: {distLowThresholdPercent: 80}}', 'low threshold (80 %) must be below the high one'],
    ['{policy: {diskHighThresholdPercent: 100}}', 'gc.policy.diskHighThresholdPercent'],
    ['{policy: {taskTTL: 30}}', 'expected a duration with a unit'],
    ['{interval: 0s}', 'must be at least 1s'],
    ['{scrub: {bandwidthLimit: 0}}', 'must be more than 0'],
    ['{scrub: {enabled: true}}', 'enabled'],
  ])('refuses %s', (text, why) => {
    expect(refusal(`gc: ${text}`)).toContain(why)
  })
})
