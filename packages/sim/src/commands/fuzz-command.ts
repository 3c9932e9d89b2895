import { parseArgs } from 'node:util'
import { runSeed, type SeedResult } from '../fuzz/run-seed.ts'
import { type Command, type Output, positiveInteger, UsageError } from './command.ts'

const reportEvery = 50

export const fuzzCommand: Command = {
  name: 'fuzz',
  usage: `fuzz [--seeds N] [--from N] [--seed N] [--first] [--trace] [--json]
  Runs whole daemons and schedulers in worlds where things go wrong, one world for each seed, and checks that nothing is lost.
  --seeds N   how many worlds, 1000 unless told
  --from N    the first seed, 0 unless told
  --seed N    this world only
  --first     stop at the first world in which something is wrong
  --trace     print what happens`,
  async run(args, out) {
    const { seeds, isFirst, isTraced, isJson } = parse(args)
    const print = isTraced ? out.print : undefined
    const failed: SeedResult[] = []
    const results: SeedResult[] = []
    for (const seed of seeds) {
      const result = await runSeed(seed, print)
      results.push(result)
      if (result.violations.length > 0) {
        failed.push(result)
        tell(result, out)
        if (isFirst) break
      }
      if (results.length % reportEvery === 0) {
        out.note(`${results.length} of ${seeds.length} worlds, ${failed.length} with a violation`)
      }
    }
    const total = summed(results)
    out.print(
      isJson ? JSON.stringify({ ...total, failed, fingerprints: prints(results) }) : say(total),
    )
    return failed.length === 0 ? 0 : 1
  },
}

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '0' },
      seed: { type: 'string' },
      first: { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const from = seedNumber(values.seed ?? values.from)
  const count = values.seed === undefined ? positiveInteger(values.seeds, '--seeds') : 1
  if (values.trace && (values.seed === undefined || values.json)) {
    throw new UsageError('--trace needs --seed N, and does not go with --json.')
  }
  return {
    seeds: Array.from({ length: count }, (_, at) => from + at),
    isFirst: values.first,
    isTraced: values.trace,
    isJson: values.json,
  }
}

function seedNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new UsageError(`A seed is a whole number, not "${text}".`)
}

function tell({ seed, violations }: SeedResult, out: Output): void {
  for (const violation of violations) out.note(`seed ${seed}: ${violation}`)
  out.note(`  npm run sim -- fuzz --seed ${seed} --trace`)
}

function summed(results: readonly SeedResult[]) {
  const sum = (of: (result: SeedResult) => number): number =>
    results.reduce((total, result) => total + of(result), 0)
  return {
    worlds: results.length,
    violations: sum(({ violations }) => violations.length),
    downloads: sum(({ downloads }) => downloads),
    permittedFailures: sum(({ permittedFailures }) => permittedFailures),
    events: sum(({ events }) => events),
    virtualHours: sum(({ virtualMs }) => virtualMs) / 3_600_000,
  }
}

function say(total: ReturnType<typeof summed>): string {
  const { worlds, downloads, permittedFailures, virtualHours, events, violations } = total
  return [
    `${worlds} worlds, ${virtualHours.toFixed(1)} hours of virtual time, ${events} network events`,
    `${downloads} downloads; ${permittedFailures} failed because their host or the origin did`,
    violations === 0 ? 'Nothing was violated.' : `${violations} violations.`,
  ].join('\n')
}

const prints = (results: readonly SeedResult[]): Record<string, string> =>
  Object.fromEntries(results.map(({ seed, fingerprint }) => [seed, fingerprint]))
