import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { BenchError } from './bench.ts'

const run = promisify(execFile)
const maxOutputBytes = 16 * 1024 ** 2

/**
 * Runs one of our modules in a process of its own, which gets the argument as JSON and prints its answer as JSON; it may collect
 * its garbage by `gc()`.
 */
export async function runScript<T>(
  file: string,
  argument: unknown,
  signal: AbortSignal,
): Promise<T> {
  const flags = ['--expose-gc', '--disable-warning=ExperimentalWarning']
  try {
    const { stdout } = await run(process.execPath, [...flags, file, JSON.stringify(argument)], {
      maxBuffer: maxOutputBytes,
      signal,
    })
    return JSON.parse(stdout)
  } catch (error) {
    signal.throwIfAborted()
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error)
    throw new BenchError(`${file} failed: ${said}`)
  }
}
