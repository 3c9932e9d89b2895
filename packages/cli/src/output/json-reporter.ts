import type { Io } from '../io.ts'
import type { ProgressReporter } from './progress.ts'
import { errorFacts } from './report-error.ts'
import { averageRate } from './summary.ts'

const intervalMs = 250

/** For programs: a JSON object a line on standard output; docs/command-line.md describes them. */
export function jsonReporter(
  request: { readonly url: string; readonly output: string },
  io: Io,
  now: () => number,
): ProgressReporter {
  const startedAtMs = now()
  let lastAtMs = Number.NEGATIVE_INFINITY
  const emit = (event: string, facts: Readonly<Record<string, unknown>>): void => {
    io.stdout.write(`${JSON.stringify({ event, url: request.url, ...facts })}\n`)
  }
  return {
    started({ taskId, hostId, peerId, sizeBytes, pieceCount }) {
      emit('started', { taskId, hostId, peerId, output: request.output, sizeBytes, pieceCount })
    },
    progress({ taskId, sizeBytes, doneBytes, shares }) {
      const atMs = now()
      if (atMs - lastAtMs < intervalMs) return
      lastAtMs = atMs
      const bytesPerSec = Math.round(averageRate(doneBytes, atMs - startedAtMs))
      emit('progress', { taskId, sizeBytes, doneBytes, bytesPerSec, shares })
    },
    finished({ output, sizeBytes, elapsedMs, shares }, { taskId, savedBytes }) {
      const bytesPerSec = Math.round(averageRate(sizeBytes, elapsedMs))
      const elapsed = Math.round(elapsedMs)
      const facts = { taskId, output, sizeBytes, elapsedMs: elapsed, bytesPerSec, shares }
      emit('finished', { ...facts, savedByCompression: savedBytes })
    },
    failed: (thrown) => emit('error', errorFacts(thrown)),
  }
}
