import { randomFillSync, randomUUID } from 'node:crypto'

/** Source of chance. Engines take a `Random`, never `Math.random` or `crypto`. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** A version 4 UUID (RFC 9562), used for peer ids. */
  uuid(): string
}

const words = new Uint32Array(256)
let unused = 0

function nextWord(): number {
  if (unused === 0) {
    randomFillSync(words)
    unused = words.length
  }
  unused -= 1
  return words[unused] ?? 0
}

/** Chance from the operating system. */
export const systemRandom: Random = {
  next: () => nextWord() / 0x1_0000_0000,
  uuid: () => randomUUID(),
}

/**
 * Repeatable chance: the same seed gives the same sequence (mulberry32, a 32-bit counter-based generator).
 * For tests and the simulator, never for secrets.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const hex = (digits: number): string => {
    let out = ''
    while (out.length < digits) out += Math.floor(next() * 16).toString(16)
    return out
  }
  const variant = (): string => '89ab'[Math.floor(next() * 4)] ?? '8'
  return { next, uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${variant()}${hex(3)}-${hex(12)}` }
}

/** An integer in [0, bound). */
export function randomInt(random: Random, bound: number): number {
  return Math.floor(random.next() * bound)
}

/** Picks `count` distinct items of `items` uniformly (partial Fisher-Yates on a copy). */
export function sample<T>(random: Random, items: readonly T[], count: number): T[] {
  const pool = [...items]
  const take = Math.max(0, Math.min(count, pool.length))
  for (let i = 0; i < take; i++) {
    const j = i + randomInt(random, pool.length - i)
    const picked = pool[j] as T
    pool[j] = pool[i] as T
    pool[i] = picked
  }
  return pool.slice(0, take)
}
