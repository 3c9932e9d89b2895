import { Writable } from 'node:stream'
import { SingleBar } from 'cli-progress'
import type { DownloadProgress } from '../download/download-to.ts'
import type { Io } from '../io.ts'
import { barLine } from './bar-line.ts'
import type { ProgressReporter } from './progress.ts'
import { RateMeter } from './rate-meter.ts'
import { summaryLine } from './summary.ts'

/** For a terminal: a bar that is drawn over until the summary takes its place. */
export function barReporter(name: string, io: Io, now: () => number): ProgressReporter {
  const meter = new RateMeter(now())
  let last: DownloadProgress | undefined
  const format = (): string => {
    if (last === undefined) return ''
    const { sizeBytes, doneBytes, shares } = last
    const bytesPerSec = meter.bytesPerSec(now())
    return barLine({ name, sizeBytes, doneBytes, bytesPerSec, shares }, io.columns)
  }
  const bar = new SingleBar({
    stream: terminalOf(io),
    format,
    clearOnComplete: true,
    // Line wrapping and the cursor stay as they are: a killed process could not restore them.
    linewrap: true,
    hideCursor: false,
  })
  const progress = (state: DownloadProgress): void => {
    last = state
    meter.add(state.doneBytes, now())
    bar.update(state.doneBytes)
  }
  return {
    started(state) {
      last = state
      bar.start(state.sizeBytes, state.doneBytes)
    },
    progress,
    finished(summary) {
      bar.stop()
      io.stderr.write(`${summaryLine(summary)}\n`)
    },
    failed: () => bar.stop(),
  }
}

/** What cli-progress takes for a terminal, on top of any output. */
function terminalOf(io: Io): NodeJS.WritableStream {
  const stream = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      io.stderr.write(text)
      done()
    },
  })
  return Object.defineProperties(stream, {
    isTTY: { value: true },
    columns: { get: () => io.columns },
  })
}
