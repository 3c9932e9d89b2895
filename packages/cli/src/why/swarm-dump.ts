import { z } from 'zod'

const score = z.object({
  total: z.number(),
  capacity: z.number(),
  distance: z.string(),
  usefulness: z.number(),
  health: z.number(),
})
const candidate = z.object({
  peerId: z.string().optional(),
  load: z.number(),
  score: score.optional(),
})
const interval = z.object({ first: z.number(), end: z.number() })

/** What a scheduler tells of one swarm, as far as it explains something. A newer scheduler may tell more. */
const swarmDump = z.object({
  taskId: z.string(),
  arm: z.string().optional(),
  policy: z.string(),
  createdAt: z.number(),
  contentLength: z.number().optional(),
  pieceLength: z.number().optional(),
  pieceCount: z.number().optional(),
  wholeCopies: z.number(),
  waiting: z.number(),
  bytes: z.object({
    origin: z.number(),
    seed: z.number(),
    near: z.number(),
    far: z.number(),
  }),
  originOrders: z.array(
    z.object({
      at: z.number(),
      hostId: z.string(),
      isSeed: z.boolean(),
      reason: z.string(),
      interval,
    }),
  ),
  leases: z.array(z.object({ host: z.string(), interval, isStarted: z.boolean() })),
  peers: z.array(
    z.object({
      id: z.string(),
      host: z.string(),
      state: z.string(),
      have: z.number(),
      rate: z.number(),
      failures: z.number(),
      slowness: z.number(),
    }),
  ),
  omittedPeers: z.number(),
  decisions: z.array(
    z.object({
      at: z.number(),
      child: z.string().optional(),
      parents: z.array(candidate.extend({ have: z.number() })),
      others: z.array(candidate),
    }),
  ),
})

export type SwarmDump = Readonly<z.output<typeof swarmDump>>
export type LoggedDecision = SwarmDump['decisions'][number]
export type LoggedCandidate = z.output<typeof candidate>

/** Throws when it is no dump of a swarm. */
export const parseSwarmDump = (json: string): SwarmDump => swarmDump.parse(JSON.parse(json))
