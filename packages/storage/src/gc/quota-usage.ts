import type { GcQuota, GcTaskSpec } from './policy.ts'

interface Account {
  /** `application:ml`. */
  readonly name: string
  readonly limitBytes: number
  usedBytes: number
}

/** Who holds how much of what they may. */
export class QuotaUsage {
  readonly #quotas: readonly { readonly quota: GcQuota; readonly accounts: Map<string, Account> }[]
  #excessBytes = 0

  constructor(quotas: readonly GcQuota[]) {
    this.#quotas = quotas.map((quota) => ({ quota, accounts: new Map() }))
  }

  /** By how much all who are over their limit are over it. */
  get excessBytes(): number {
    return this.#excessBytes
  }

  add(spec: GcTaskSpec, bytes: number): void {
    this.#change(spec, bytes)
  }

  remove(spec: GcTaskSpec, bytes: number): void {
    this.#change(spec, -bytes)
  }

  /** The first quota that the task's owner is over. */
  exceededBy(spec: GcTaskSpec): string | undefined {
    for (const account of this.#accountsOf(spec)) {
      if (account.usedBytes > account.limitBytes) return account.name
    }
    return undefined
  }

  #change(spec: GcTaskSpec, bytes: number): void {
    for (const account of this.#accountsOf(spec)) {
      const before = excess(account)
      account.usedBytes += bytes
      this.#excessBytes += excess(account) - before
    }
  }

  *#accountsOf(spec: GcTaskSpec): Generator<Account, void, undefined> {
    for (const { quota, accounts } of this.#quotas) {
      const key = quota.keyOf(spec)
      if (key === undefined) continue
      const known = accounts.get(key)
      if (known !== undefined) {
        yield known
        continue
      }
      const limitBytes = quota.limitOf(key)
      if (limitBytes === undefined) continue
      const account = { name: `${quota.name}:${key}`, limitBytes, usedBytes: 0 }
      accounts.set(key, account)
      yield account
    }
  }
}

const excess = ({ usedBytes, limitBytes }: Account): number => Math.max(0, usedBytes - limitBytes)
