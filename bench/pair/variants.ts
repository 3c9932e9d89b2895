import type { Config } from '@damselfly/testkit'

export interface Variant {
  readonly name: string
  readonly sizeMiB: number
  readonly file: 'random' | 'text'
  readonly parentConfig: Config
  readonly childConfig: Config
  /** Where both sides put the bytes. Default: a file on the disk. */
  readonly to?: 'memory'
  /** Of both sides' senders or receivers, in bytes per second. */
  readonly limitBytesPerSec?: number
  /** Of the rate, as ratio to the peer's. */
  readonly aim?: string
  readonly note?: string
}

const large = 4 * 1024
const small = 1024
const slowLink = 100_000_000

const plain = { transfer: { tls: 'off', compression: 'off' } }
const plainBoth = { parentConfig: plain, childConfig: plain }

/** The ways in which one daemon gives to another, each beside plaintext nginx and curl. */
export function variants(keyFile: string): readonly Variant[] {
  const tls = { transfer: { tls: 'require', compression: 'off' } }
  const zstd = { transfer: { tls: 'off', compression: 'auto' } }
  const sealed = { ...plain, storage: { encryption: { keyFile } } }
  return [
    { name: 'plaintext', sizeMiB: large, file: 'random', ...plainBoth, aim: 'ratio >= 1.5' },
    {
      name: 'TLS',
      sizeMiB: large,
      file: 'random',
      parentConfig: tls,
      childConfig: tls,
      aim: 'ratio >= 0.8',
      note: 'the peer is plaintext.',
    },
    {
      name: 'to memory',
      sizeMiB: small,
      file: 'random',
      parentConfig: plain,
      childConfig: { ...plain, storage: { kind: 'memory', memory: { maxBytes: '2GiB' } } },
      to: 'memory',
      note: "ours into the memory store, whose bytes are part of the child's RSS; curl writes to a file system in memory.",
    },
    {
      name: 'zstd, text',
      sizeMiB: small,
      file: 'text',
      parentConfig: zstd,
      childConfig: zstd,
      note: 'a log that shrinks to a third, not compressed by the peer; whether the link is slow enough to compress is decided by ours.',
    },
    {
      name: 'zstd, text, 100 MB/s link',
      sizeMiB: small / 2,
      file: 'text',
      parentConfig: { ...zstd, upload: { bandwidthLimit: `${slowLink}B` } },
      childConfig: zstd,
      limitBytesPerSec: slowLink,
      note: 'the same with both senders limited to 100 MB/s on the wire.',
    },
    {
      name: 'encrypted at rest',
      sizeMiB: small,
      file: 'random',
      parentConfig: sealed,
      childConfig: sealed,
      note: 'both stores of ours are encrypted; the peer is plaintext on disk.',
    },
    {
      name: 'direct I/O never',
      sizeMiB: large,
      file: 'random',
      parentConfig: plain,
      childConfig: { ...plain, storage: { directIO: false } },
      note: 'everything passes through the page cache.',
    },
    {
      name: 'direct I/O always',
      sizeMiB: small,
      file: 'random',
      parentConfig: plain,
      childConfig: { ...plain, storage: { directIO: true } },
      note: 'past the page cache, though the file is small beside the memory.',
    },
  ]
}
