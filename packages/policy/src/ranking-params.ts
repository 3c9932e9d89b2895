import { z } from 'zod'

const weight = z.number().positive().finite()
const share = z.number().min(0).max(1)

/** What ranks and samples candidates; every number is a weight, the larger the better. */
export const rankingParams = z.strictObject({
  /** Candidates that are ranked. Default 24. */
  sampleSize: z.int().min(1).max(1000).default(24),
  /**
   * Shares of the sample that come from the child's own rack, data centre and region, as far as there are such members;
   * the rest is anybody. Defaults 0.75, 0.125, 0.0625.
   */
  shares: z
    .strictObject({
      rack: share.default(0.75),
      idc: share.default(0.125),
      region: share.default(0.0625),
    })
    .refine(({ rack, idc, region }) => rack + idc + region <= 1, 'the shares are more than 1')
    .prefault({}),
  /** How much better a near parent is. Defaults 8, 2, 1, 0.2. */
  proximity: z
    .strictObject({
      rack: weight.default(8),
      idc: weight.default(2),
      region: weight.default(1),
      far: weight.default(0.2),
    })
    .prefault({}),
  /** It holds a piece that the child lacks; holds nothing yet; holds only what the child has. Defaults 1, 0.5, 0.2. */
  usefulness: z
    .strictObject({
      useful: weight.default(1),
      empty: weight.default(0.5),
      useless: weight.default(0.2),
    })
    .prefault({}),
  /** Health is 1 / (1 + failureWeight x failures + slownessWeight x slowness). Defaults 4 and 2. */
  failureWeight: z.number().min(0).finite().default(4),
  slownessWeight: z.number().min(0).finite().default(2),
  /** A host gets at most this many times `k` children, scaled by its uplink, while others are free. Default 2. */
  degreeFactor: weight.default(2),
  /** Of the parents this share comes from outside the rack, one at least; 0 = whoever ranks best. Default 0.25. */
  farShare: share.default(0.25),
  /** While the swarm has no more than so many times `k` members, everybody gets a seed. Default 2. */
  seedFactor: z.number().min(0).finite().default(2),
  /** How much better a parent is for being connected already. Default 2. */
  keepFactor: weight.default(2),
})

export type RankingParams = z.output<typeof rankingParams>
