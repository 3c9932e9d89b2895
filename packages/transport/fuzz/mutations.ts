import { type Random, randomInt } from '@damselfly/core'

/** Lengths at which parsers go wrong. */
const words = [0, 1, 4, 48, 49, 255, 256, 1024, 16_384, 1 << 20, (1 << 20) + 1]
const edges = [0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_fffe, 0xffff_ffff]

/** Bytes that change in place; `size` of them count. */
export interface Subject {
  readonly bytes: Buffer
  size: number
}

type Mutation = (subject: Subject, random: Random) => void

const place = ({ size }: Subject, random: Random): number => randomInt(random, Math.max(1, size))

const mutations: readonly Mutation[] = [
  // One bit.
  (subject, random) => {
    const at = place(subject, random)
    subject.bytes[at] = (subject.bytes[at] ?? 0) ^ (1 << randomInt(random, 8))
  },
  // One byte, more often in a header.
  (subject, random) => {
    subject.bytes[Math.min(place(subject, random), randomInt(random, 64))] = randomInt(random, 256)
  },
  // A word.
  (subject, random) => {
    const pool = randomInt(random, 2) === 0 ? words : edges
    const word = pool[randomInt(random, pool.length)] ?? 0
    subject.bytes.writeUInt32BE(word, place(subject, random))
  },
  // A word that is off by little.
  (subject, random) => {
    const at = place(subject, random)
    const word = subject.bytes.readUInt32BE(at) + randomInt(random, 5) - 2
    subject.bytes.writeUInt32BE(word >>> 0, at)
  },
  // Cut.
  (subject, random) => {
    subject.size = place(subject, random)
  },
  // Grown by whatever lies behind.
  (subject, random) => {
    subject.size = Math.min(subject.bytes.byteLength - 4, subject.size + randomInt(random, 200))
  },
  // A stretch moved.
  (subject, random) => {
    const from = place(subject, random)
    const to = place(subject, random)
    subject.bytes.copyWithin(to, from, Math.min(from + 1 + randomInt(random, 60), subject.size))
  },
]

/** Changes the subject one to four times; now and then not at all. */
export function mutate(subject: Subject, random: Random): void {
  for (let left = randomInt(random, 5); left > 0; left--) {
    mutations[randomInt(random, mutations.length)]?.(subject, random)
  }
}
