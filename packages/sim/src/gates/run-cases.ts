import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Summary } from '../report/summary.ts'
import type { Case } from './gate.ts'

/** Ten thousand hosts take 0.8 GB; what takes much more has gone wrong and is ended. */
const maxOldGenerationSizeMb = 4096

/** Simulates the cases on all processors, one thread each; `onDone` hears of each as it is ready. */
export async function runCases(
  cases: readonly Case[],
  onDone: (summary: Summary) => void,
): Promise<Summary[]> {
  const left = [...cases]
  const summaries: Summary[] = []
  const threads = Math.min(availableParallelism(), cases.length)
  await Promise.all(
    Array.from({ length: threads }, () =>
      workOff(left, (summary) => {
        summaries.push(summary)
        onDone(summary)
      }),
    ),
  )
  return summaries
}

/** One thread, which takes the next case when it is done with the last. */
function workOff(left: Case[], onDone: (summary: Summary) => void): Promise<void> {
  const resourceLimits = { maxOldGenerationSizeMb }
  const worker = new Worker(new URL('./case-thread.ts', import.meta.url), { resourceLimits })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const next = (): void => {
    const one = left.shift()
    if (one !== undefined) worker.postMessage(one)
    else void worker.terminate().then(() => resolve(), reject)
  }
  worker.on('message', (summary: Summary) => {
    onDone(summary)
    next()
  })
  worker.on('error', reject)
  next()
  return promise
}
