import { fileURLToPath } from 'node:url'
import { runScript } from '../harness/run-script.ts'
import type { Job } from './job.ts'

const program = fileURLToPath(new URL('job.ts', import.meta.url))

export function runJob<T>(job: Job, signal: AbortSignal): Promise<T> {
  return runScript<T>(program, job, signal)
}
