import { basename } from 'node:path'
import type { Io } from '../io.ts'
import { lineReporter, type ProgressReporter, silentReporter } from '../output/progress.ts'
import type { GetFlags } from './get-flags.ts'
import type { GetRequest } from './get-request.ts'

/** Chooses how a download is shown; only what is used is loaded. */
export async function createReporter(
  request: GetRequest,
  { flags, io, now }: { flags: GetFlags; io: Io; now: () => number },
): Promise<ProgressReporter> {
  if (flags.json === true) {
    const { jsonReporter } = await import('../output/json-reporter.ts')
    return jsonReporter(request, io, now)
  }
  if (!flags.progress) return silentReporter
  const name = basename(request.output)
  if (!io.isTty) return lineReporter(name, io, now)
  const { barReporter } = await import('../output/bar-reporter.ts')
  return barReporter(name, io, now)
}
