import { z } from 'zod'
import type { SwarmRecord } from './swarm-record.ts'

const amount = z.number().nonnegative()

const swarmRecord = z.object({
  arm: z.string(),
  taskId: z.string(),
  bornAt: amount,
  endedAt: amount,
  peers: amount,
  failedPeers: amount,
  contentLength: amount,
  pieceCount: amount,
  isWarm: z.boolean(),
  idc: z.string(),
  boundSeconds: amount,
  meanSeconds: amount,
  p99Seconds: amount,
  bytes: z.object({ origin: amount, seed: amount, near: amount, far: amount }).exactOptional(),
  crossIdcBytes: amount.exactOptional(),
  decisionP99Us: amount.exactOptional(),
  clientCpuSeconds: amount.exactOptional(),
}) satisfies z.ZodType<SwarmRecord>

const journalEntry = z.discriminatedUnion('type', [
  /** `at`: milliseconds since the Unix epoch. `spec`: as it was given. */
  z.object({ type: z.literal('started'), at: amount, spec: z.unknown() }),
  z.object({ type: z.literal('swarm'), record: swarmRecord }),
  z.object({ type: z.literal('stopped'), at: amount }),
])

/** A line of the journal: an experiment begins, one of its swarms has ended, it is stopped. */
export type JournalEntry = z.output<typeof journalEntry>

/** `undefined` for a line that is none of ours: another version may have written it. */
export function readJournalEntry(value: unknown): JournalEntry | undefined {
  return journalEntry.safeParse(value).data
}
