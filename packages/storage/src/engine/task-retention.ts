import type { Retention } from '../store.ts'

/** How long a task is to be kept. */
export interface KeptRetention {
  readonly isPinned: boolean
  readonly expiresAt: number | undefined
  readonly policy: string
}

/** What most tasks have: they share it. */
const ordinary: KeptRetention = { isPinned: false, expiresAt: undefined, policy: '' }

export function retentionOf({ isPinned, expiresAt, policy }: KeptRetention): KeptRetention {
  const isOrdinary = !isPinned && expiresAt === undefined && policy === ''
  return isOrdinary ? ordinary : { isPinned, expiresAt, policy }
}

/** What is not given stays as it is. */
export function changedRetention(kept: KeptRetention, change: Retention): KeptRetention {
  const { isPinned = kept.isPinned, expiresAt = kept.expiresAt, policy = kept.policy } = change
  return retentionOf({ isPinned, expiresAt: expiresAt ?? undefined, policy })
}
