import { Worker } from 'node:worker_threads'
import { abortable, type Clock, DfError, deadline, type Log } from '@damselfly/core'
import { type Methods, ThreadCalls, type ThreadPort } from './thread-calls.ts'
import type { LogLine } from './thread-log.ts'
import type { ThreadData } from './thread-methods.ts'

/** In the bundle this module and the thread's entry lie side by side. */
const entry = import.meta.url.endsWith('.ts') ? './thread.ts' : './data-thread.js'

/** A data thread makes few objects; small generations keep its memory small. */
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 128 }

/** On top of the grace that running transfers are given. */
const stopMs = 5_000

type Stoppable = Methods & {
  readonly stop: (argument: undefined, signal: AbortSignal) => Promise<void>
}

/** A thread of the data plane as the control thread sees it. */
export class DataThread<Remote extends Stoppable> {
  readonly calls: ThreadCalls<Remote>
  readonly #worker: Worker
  readonly #exited: Promise<void>
  #isStopping = false

  /** `onDeath` is called when the thread ends without having been told to. */
  constructor(
    data: ThreadData,
    local: Methods,
    { log, onDeath }: { log: Log; onDeath: (error: DfError) => void },
  ) {
    const { role } = data
    this.#worker = new Worker(new URL(entry, import.meta.url), {
      name: `damselfly-${data.role}`,
      workerData: data,
      resourceLimits,
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    const port: ThreadPort = this.#worker
    this.calls = new ThreadCalls<Remote>(port, {
      ...local,
      log: ({ level, data, message }: LogLine) => log[level](data, message),
    })
    let cause: unknown
    this.#worker.on('error', (error) => {
      cause = error
    })
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        resolve()
        const error = new DfError('Internal', `The ${role} thread ended with code ${code}.`, {
          cause,
          retryable: true,
        })
        this.calls.break(error)
        if (this.#isStopping) return
        log.error({ err: cause ?? error, role }, 'a data thread died')
        onDeath(error)
      })
    })
  }

  /** `stop` of the thread is asked for first; one that does not answer is ended. */
  async stop(clock: Clock, graceMs: number): Promise<void> {
    this.#isStopping = true
    using limit = deadline(
      clock,
      graceMs + stopMs,
      () => new DfError('Timeout', 'A thread does not stop.'),
    )
    await abortable(this.calls.call('stop', undefined as never), limit.signal).catch(() => {})
    await this.#worker.terminate()
    await this.#exited
  }
}
