import type { VirtualTime } from './virtual-time.ts'

export type TracePrint = (line: string) => void

/** What happened, in its order: a fingerprint always, lines to read when somebody wants them. */
export class Trace {
  readonly #time: VirtualTime
  readonly #print: TracePrint | undefined
  readonly #names: ReadonlyMap<string, string>
  #high = 0x811c9dc5
  #low = 0x9dc5811c
  #count = 0

  /** `names` says what addresses are called in what is printed. */
  constructor(
    time: VirtualTime,
    { print, names = new Map() }: { print?: TracePrint; names?: ReadonlyMap<string, string> } = {},
  ) {
    this.#time = time
    this.#print = print
    this.#names = names
  }

  get isPrinted(): boolean {
    return this.#print !== undefined
  }

  /** Events so far. */
  get count(): number {
    return this.#count
  }

  /** The same for the same events at the same times in the same order; 16 hex digits. */
  get fingerprint(): string {
    return hex(this.#high) + hex(this.#low)
  }

  note(kind: string, from: string, to = '', detail: string | number = ''): void {
    this.#count += 1
    const line = `${kind} ${from} ${to} ${detail}`
    const ms = this.#time.monotonic()
    this.#mix(ms)
    for (let at = 0; at < line.length; at++) this.#mix(line.charCodeAt(at))
    if (!isTraffic(kind)) this.remark(from, `${kind} ${this.#name(to)} ${detail}`)
  }

  /** For readers only: what a program logged is no event of the world. */
  remark(who: string, text: string): void {
    if (this.#print === undefined) return
    const line = `${stamp(this.#time.monotonic())}  ${this.#name(who).padEnd(nameWidth)} ${text}`
    // As Linux's tools show the names of sockets that have no file.
    this.#print(line.trimEnd().replaceAll('\0', '@'))
  }

  #name(address: string): string {
    return this.#names.get(address) ?? address
  }

  /** FNV-1a, twice, with different starts. */
  #mix(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x01000193) >>> 0
    this.#low = Math.imul(this.#low ^ (value + this.#high), 0x01000193) >>> 0
  }
}

const nameWidth = 11

/** Too much to read. */
const isTraffic = (kind: string): boolean => kind === 'call' || kind === 'data'

const stamp = (ms: number): string => (ms / 1000).toFixed(3).padStart(9)

const hex = (word: number): string => word.toString(16).padStart(8, '0')
