import { parseArgs } from 'node:util'
import { fixedCost } from './fixed-cost.ts'
import { type Bench, BenchError, type BenchOptions } from './harness/bench.ts'
import { jsonResult, renderResult } from './harness/report.ts'
import { pair } from './pair.ts'
import { rustPair } from './rust-pair.ts'

const benches: readonly Bench[] = [fixedCost, pair, rustPair]

const help = `Usage: npm run bench -- NAME [--json] [--runs N]
       npm run bench -- --list

  --json     print one JSON object and nothing else on standard output
  --runs N   how often each side is measured
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
  { json, runs }: { json: boolean; runs?: string | undefined },
): Promise<void> {
  const bench = benches.find((one) => one.name === name)
  if (bench === undefined || more.length > 0) {
    throw new BenchError(`Give one benchmark:\n${list()}`)
  }
  const options: BenchOptions = {
    ...(runs === undefined ? {} : { runs: runCount(runs) }),
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

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        runs: { type: 'string' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    throw new BenchError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`)
  }
}
