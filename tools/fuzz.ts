import { parseArgs } from 'node:util'
import { fuzzFrames } from '@damselfly/transport/fuzz'

// npm run fuzz -- frames [--iterations N] [--seed N]: throws mutated input at whatever reads the network. Ends with 1 and the
// seed when something other than a clean refusal comes out.

const defaultIterations = 10_000_000

const usage = `usage: npm run fuzz -- frames [--iterations N] [--seed N]

  frames   the piece protocol: codec, what a child reads, what a parent reads (${defaultIterations} inputs unless told otherwise)
`

process.exitCode = main(process.argv.slice(2))

function main(args: string[]): number {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { iterations: { type: 'string' }, seed: { type: 'string' } },
  })
  const iterations = numberOf(values.iterations, defaultIterations)
  const seed = numberOf(values.seed, Date.now() % 2 ** 31)
  if (positionals.join() !== 'frames' || iterations === undefined || seed === undefined) {
    process.stderr.write(usage)
    return 2
  }
  const startedAt = performance.now()
  const onProgress = (done: number): void => {
    process.stderr.write(`${((100 * done) / iterations).toFixed(0)} %\n`)
  }
  try {
    const { accepted, refused, unfinished, peakBytes } = fuzzFrames({
      iterations,
      seed,
      onProgress,
    })
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
    process.stdout.write(
      `frames, seed ${seed}: ${iterations} inputs in ${seconds} s; ${accepted} understood, ${refused} refused, ${unfinished} waiting for more; ${(peakBytes / 2 ** 20).toFixed(0)} MiB at most\n`,
    )
    return 0
  } catch (error) {
    process.stderr.write(`frames, seed ${seed}: ${error instanceof Error ? error.stack : error}\n`)
    return 1
  }
}

function numberOf(text: string | undefined, otherwise: number): number | undefined {
  const n = text === undefined ? otherwise : Number(text)
  return Number.isSafeInteger(n) && n >= 0 ? n : undefined
}
