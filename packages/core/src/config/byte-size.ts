import { DfError } from '../errors/df-error.ts'

const kinds = ['', 'k', 'm', 'g', 't', 'p']
const pattern = /^\s*(\d+(?:\.\d+)?)\s*(?:([kmgtp])(i)?)?b?\s*$/i

/** Bytes of `4MiB`, `10gib` (powers of 1024), `50GB`, `50G` (powers of 1000), `100B` or `100`. */
export function parseByteSize(text: string): number {
  const match = pattern.exec(text)
  if (match === null) {
    throw invalid(text, 'expected a number with a unit such as KiB, MiB, GiB, MB or GB')
  }
  const [, count, prefix = '', binary] = match
  const unit = (binary === undefined ? 1000 : 1024) ** kinds.indexOf(prefix.toLowerCase())
  const bytes = Math.floor(Number(count) * unit)
  if (!Number.isSafeInteger(bytes)) throw invalid(text, 'it is too large')
  return bytes
}

const invalid = (text: string, why: string): DfError =>
  new DfError('InvalidArgument', `The size "${text}" is invalid: ${why}.`)

/** For people: `0 B`, `512 B`, `4 MiB`, `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let kind = 0
  // 1023.95 and more would be written as 1024.0.
  while (kind < kinds.length - 1 && (kind === 0 ? value >= 1024 : value >= 1023.95)) {
    value /= 1024
    kind += 1
  }
  if (kind === 0) return `${Math.round(value)} B`
  return `${value.toFixed(1).replace(/\.0$/, '')} ${kinds[kind]?.toUpperCase()}iB`
}

/** For people: `12.5 MiB/s`. */
export function formatRate(bytesPerSec: number): string {
  return `${formatBytes(bytesPerSec)}/s`
}
