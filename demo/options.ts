import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Digest, isDfError, parseDigest } from '@damselfly/core'

export interface DemoOptions {
  readonly peers: number
  readonly seeds: number
  /** A file that the demo's own origin serves, or a URL somewhere else. */
  readonly source: { readonly file: string } | { readonly url: string }
  /** What the content must be. Default: what the file is; for a URL: the same on every peer. */
  readonly digest: Digest | undefined
  readonly json: boolean
  readonly keep: boolean
}

/** Wrong use of the command line; the message is for a person. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const help = `Usage: npm run demo -- [options] [URL | FILE]

Starts an origin, a scheduler, a seed and peers as processes of this machine, brings one file to all
peers at once, checks every copy and shows who gave the bytes and how often the origin sent each.

  URL | FILE        what to distribute; by default a file of about 120 MB: the node program
  --peers N         peers, 1 to 100 (default 5)
  --seeds N         seeds, 0 to 20 (default 1)
  --digest DIGEST   what the content must be, sha256:<hex>; for a URL. Without it all peers must agree
  --json            print one JSON object and nothing else on standard output
  --keep            keep the directory with the files, configurations and logs
  --help            print this text

Exit code: 0, 1 when a download or a digest failed (the directory stays, then), 2 for wrong use.
`

/** `undefined`: help was asked for. */
export function parseOptions(
  args: readonly string[],
  defaultFile: string,
): DemoOptions | undefined {
  const { values, positionals } = parse(args)
  if (values.help) return undefined
  if (positionals.length > 1) throw new UsageError('One URL or file is enough.')
  const [source = defaultFile] = positionals
  return {
    peers: count('--peers', values.peers, { min: 1, max: 100 }),
    seeds: count('--seeds', values.seeds, { min: 0, max: 20 }),
    source: /^https?:\/\//i.test(source) ? { url: source } : { file: existingFile(source) },
    digest: values.digest === undefined ? undefined : sha256(values.digest),
    json: values.json,
    keep: values.keep,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        peers: { type: 'string', default: '5' },
        seeds: { type: 'string', default: '1' },
        digest: { type: 'string' },
        json: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function existingFile(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return resolve(path)
  throw new UsageError(`There is no file ${path}, and it is no http or https URL.`)
}

function count(flag: string, text: string, { min, max }: { min: number; max: number }): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new UsageError(`${flag} must be a number from ${min} to ${max}, not "${text}".`)
}

function sha256(text: string): Digest {
  try {
    const digest = parseDigest(text)
    if (digest.algorithm === 'sha256') return digest
  } catch (error) {
    if (!isDfError(error)) throw error
  }
  throw new UsageError(`--digest must be sha256: and 64 hex digits, not "${text}".`)
}
