import { rm } from 'node:fs/promises'
import { DfError } from '@damselfly/core'
import { tmpDir } from '@damselfly/testkit'
import { type DemoOptions, help, parseOptions, UsageError } from './options.ts'
import { isGood, renderReport } from './report.ts'
import { runDemo } from './run-demo.ts'

const { stdout, stderr } = process
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const
let exitCode: number | undefined

const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // The second time nobody waits for an orderly end.
    if (interruption.signal.aborted) process.exit(exitCodes[name])
    exitCode = exitCodes[name]
    interruption.abort()
  })
}

process.exitCode = await main()

async function main(): Promise<number> {
  try {
    const options = parseOptions(process.argv.slice(2), process.execPath)
    if (options !== undefined) return await demo(options)
    stdout.write(help)
    return 0
  } catch (error) {
    if (exitCode !== undefined) {
      stderr.write('Interrupted.\n')
      return exitCode
    }
    stderr.write(`error: ${DfError.from(error).message}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

/** The directory goes away unless it was asked for or tells why something failed. */
async function demo(options: DemoOptions): Promise<number> {
  const { path: dir } = await tmpDir()
  let isWanted = options.keep
  try {
    const output = options.json ? stderr : stdout
    const result = await runDemo(options, { dir, output, signal: interruption.signal })
    stdout.write(options.json ? `${JSON.stringify(result)}\n` : renderReport(result))
    isWanted ||= !isGood(result)
    return isGood(result) ? 0 : 1
  } catch (error) {
    isWanted ||= !interruption.signal.aborted
    throw error
  } finally {
    if (isWanted) stderr.write(`Files and logs are in ${dir}; each program has its own "log".\n`)
    else await rm(dir, { recursive: true, force: true, maxRetries: 5 })
  }
}
