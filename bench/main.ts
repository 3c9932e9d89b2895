import { parseArgs } from 'node:util'
import { parseByteSize } from '@damselfly/core'
import { fanOut } from './fan-out.ts'
import { fixedCost } from './fixed-cost.ts'
import { type Bench, BenchError, type BenchOptions } from './harness/bench.ts'
import { jsonResult, renderResult } from './harness/report.ts'
import { pair } from './pair.ts'
import { policy } from './policy.ts'
import { rustPair } from './rust-pair.ts'
import { scheduler } from './scheduler.ts'
import { shaped } from './shaped.ts'
import { small } from './small.ts'
import { store } from './store.ts'

const benches: readonly Bench[] = [
  fixedCost,
  pair,
  fanOut,
  small,
  store,
  shaped,
  rustPair,
  policy,
  scheduler,
]

const help = `Usage: npm run bench -- NAME [--json] [--runs N] [--size SIZE] [--only PART]
       npm run bench -- --list

  --json     print one JSON object and nothing else on standard output
  --runs N   how often each side is measured
  --size S   of the file that is moved, e.g. 4GiB (pair, fan-out)
  --only P   only what has P in its name (pair, small, store, policy, scheduler)
  --list     print the benchmarks
`

const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    if (interruption.signal.aborted) process.exit(1)
    interruption.abort(new BenchError('interrupted'))
  })
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  if (interruption.signal.aborted) {
    console.error('Interrupted.')
    process.exitCode = 130
  } else if (error instanceof BenchError) {
    console.error(`error: ${error.message}`)
    process.exitCode = 2
  } else throw error
}

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parse(args)
  if (values.help) console.log(help)
  else if (values.list) console.log(list())
  else await run(positionals, values)
}

async function run(
  [name, ...more]: readonly string[],
  { json, runs, size, only }: ReturnType<typeof parse>['values'],
): Promise<void> {
  const bench = benches.find((one) => one.name === name)
  if (bench === undefined || more.length > 0) {
    throw new BenchError(`Give one benchmark:\n${list()}`)
  }
  const options: BenchOptions = {
    ...(runs === undefined ? {} : { runs: runCount(runs) }),
    ...(size === undefined ? {} : { sizeMiB: sizeInMiB(size) }),
    ...(only === undefined ? {} : { only }),
    log: (text) => console.error(text),
    signal: interruption.signal,
  }
  const result = await bench.run(options)
  console.log(
    json ? JSON.stringify(jsonResult(result)) : `\n${bench.title}\n\n${renderResult(result)}`,
  )
}

function list(): string {
  return benches.map(({ name, title }) => `${name.padEnd(12)}${title}`).join('\n')
}

function runCount(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text)
  throw new BenchError(`--runs must be a number from 1, not "${text}".`)
}

function sizeInMiB(text: string): number {
  const bytes = /^\d+[KMG]iB$/.test(text) ? parseByteSize(text) : 0
  if (bytes > 0 && bytes % 1024 ** 2 === 0) return bytes / 1024 ** 2
  throw new BenchError(`--size must be a number of MiB or GiB such as 4GiB, not "${text}".`)
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        runs: { type: 'string' },
        size: { type: 'string' },
        only: { type: 'string' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    throw new BenchError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`)
  }
}
