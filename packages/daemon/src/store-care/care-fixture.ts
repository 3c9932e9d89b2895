import { asTaskId, Bitset, silentLog, type TaskId } from '@damselfly/core'
import { loadConfig } from '@damselfly/core/config'
import { FakeClock } from '@damselfly/core/testing'
import { Registry } from 'prom-client'
import { z } from 'zod'
import { gcSchema } from './config.ts'
import { type StoreCareDeps, startStoreCare } from './start-store-care.ts'

export const dayMs = 86_400_000

/** One complete piece; the first byte of its id says when it was used: `3...` = three days ago. */
function storedTask(id: string, now: number) {
  const usedAt = now - Number(id[0]) * dayMs
  const have = new Bitset(1)
  have.set(0)
  return {
    spec: { taskId: asTaskId(id), application: '', tag: '' },
    createdAt: usedAt,
    updatedAt: usedAt,
    heldBytes: 1_000,
    isComplete: true,
    isPinned: false,
    isInUse: false,
    isGood: true,
    have,
    piece: () => ({ length: 1_000, createdAt: usedAt }),
    async verify(): Promise<boolean> {
      return this.isGood
    },
    async drop(): Promise<void> {
      have.clear(0)
    },
  }
}

/** Store care as it runs in a daemon, over a store in memory of 10 000 bytes and a fake clock. */
export function careFixture(ids: string[], yaml: string, parts: Partial<StoreCareDeps> = {}) {
  const clock = new FakeClock()
  const stored = new Map(ids.map((id) => [asTaskId(id), storedTask(id, clock.now())] as const))
  const store = {
    list: () => stored.values(),
    get: (taskId: TaskId) => stored.get(taskId),
    delete: async (taskId: TaskId): Promise<void> => void stored.delete(taskId),
    space: async () => ({
      usedBytes: stored.size * 1_000,
      freeBytes: 10_000 - stored.size * 1_000,
    }),
  }
  const schema = z.strictObject({ gc: gcSchema(z.unknown().optional()).prefault({}) })
  const registry = new Registry()
  const random = { next: () => 0.5, uuid: () => '' }
  const deps = { store, clock, random, log: silentLog, registry, ...parts }
  const care = startStoreCare(loadConfig({ schema, text: yaml }).gc, deps)
  const metric = async (name: string): Promise<string | undefined> =>
    (await registry.metrics())
      .split('\n')
      .find((line) => line.startsWith(`damselfly_store_${name} `))
  return { clock, stored, care, metric }
}
