import { formatBytes, formatRate } from '@damselfly/core'
import type { DownloadProgress } from '../download/download-to.ts'
import type { Io } from '../io.ts'
import { type DownloadSummary, formatShares, summaryLine } from './summary.ts'
import { printable } from './text.ts'

/** Shows one download. `started`, any number of `progress`, then `finished` or `failed`. */
export interface ProgressReporter {
  started(progress: DownloadProgress): void
  progress(progress: DownloadProgress): void
  finished(summary: DownloadSummary, progress: DownloadProgress): void
  /** Leaves the terminal as it was; whoever called tells the error. */
  failed(error: unknown): void
}

export const silentReporter: ProgressReporter = {
  started() {},
  progress() {},
  finished() {},
  failed() {},
}

const lineIntervalMs = 5_000
/** A fast download should not fill the log. */
const minIntervalMs = 500
const lineSteps = 10

/** For a pipe or a log file: a line at the start, one each tenth or after five seconds, and the summary. */
export function lineReporter(name: string, io: Io, now: () => number): ProgressReporter {
  const shown = printable(name)
  let lastStep = 0
  let lastAtMs = now()
  const startedAtMs = lastAtMs
  const write = (text: string): void => {
    io.stderr.write(`${text}\n`)
  }
  return {
    started: ({ sizeBytes }) => write(`${shown}: downloading ${formatBytes(sizeBytes)}`),
    progress({ sizeBytes, doneBytes, shares }) {
      const step = sizeBytes > 0 ? Math.floor((doneBytes / sizeBytes) * lineSteps) : lineSteps
      const atMs = now()
      const elapsedMs = atMs - lastAtMs
      const isDue = step > lastStep ? elapsedMs >= minIntervalMs : elapsedMs >= lineIntervalMs
      // The summary tells of the end.
      if (!isDue || doneBytes === 0 || step >= lineSteps) return
      lastStep = step
      lastAtMs = atMs
      const percent = Math.floor((doneBytes / sizeBytes) * 100)
      const rate = formatRate((doneBytes / Math.max(1, atMs - startedAtMs)) * 1_000)
      const sizes = `${formatBytes(doneBytes)} of ${formatBytes(sizeBytes)}`
      write(`${shown}: ${percent}%, ${sizes}, ${rate}, ${formatShares(shares)}`)
    },
    finished: (summary) => write(summaryLine(summary)),
    failed() {},
  }
}
