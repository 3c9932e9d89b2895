/**
 * Bitmaps as words of a `Uint32Array`, several in one array where that saves memory: `base` is the first word of the
 * bitmap meant. Bit `n & 31` of word `n >>> 5` is piece `n`. Indices are not checked: callers are on the hot path and have done so.
 */
export const wordsFor = (bits: number): number => (bits + 31) >>> 5

export function hasBit(words: Uint32Array, base: number, bit: number): boolean {
  return ((words[base + (bit >>> 5)] ?? 0) & (1 << (bit & 31))) !== 0
}

export function setBit(words: Uint32Array, base: number, bit: number): void {
  const at = base + (bit >>> 5)
  words[at] = (words[at] ?? 0) | (1 << (bit & 31))
}

export function clearBit(words: Uint32Array, base: number, bit: number): void {
  const at = base + (bit >>> 5)
  words[at] = (words[at] ?? 0) & ~(1 << (bit & 31))
}

/** The number of the lowest bit of a word that is not 0. */
export const lowestBit = (word: number): number => 31 - Math.clz32(word & -word)

/** Calls with the number of each bit that is set in one word of a bitmap. */
export function eachBit(bits: number, word: number, call: (piece: number) => void): void {
  for (let rest = bits; rest !== 0; rest &= rest - 1) call(word * 32 + lowestBit(rest))
}

/** The bits of word `word` that are in [first, end). */
export function spanMask(word: number, first: number, end: number): number {
  const from = first - word * 32
  const to = end - word * 32
  if (from >= 32 || to <= 0) return 0
  const above = from <= 0 ? -1 : -1 << from
  return to >= 32 ? above : above & ((1 << to) - 1)
}
