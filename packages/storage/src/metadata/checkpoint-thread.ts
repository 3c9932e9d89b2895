import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { DfError } from '@damselfly/core'

/** What the thread says of a checkpoint. */
export interface CheckpointAnswer {
  readonly failure?: string
}

/** In the bundle this module and the thread's entry lie side by side. */
const entry = import.meta.url.endsWith('.ts') ? './checkpoint-entry.ts' : './checkpoint-thread.js'

/** It has one statement to run. */
const resourceLimits = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 }

/**
 * Moves the log of a database into it, on a thread of its own: SQLite syncs both files meanwhile, behind all content that the
 * kernel has to write, which takes as long as the disk likes. The thread begins with the first checkpoint.
 */
export class CheckpointThread {
  readonly #path: string
  #worker: Worker | undefined
  #running: Promise<void> | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** Those who come while one is under way wait for its end: what they wrote may be left for the next one. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** After the checkpoint under way. */
  async close(): Promise<void> {
    await this.#running?.catch(() => {})
    const worker = this.#worker
    if (worker === undefined) return
    this.#worker = undefined
    const exited = once(worker, 'exit')
    worker.ref()
    worker.postMessage('close')
    await exited
  }

  async #run(): Promise<void> {
    this.#worker ??= this.#start()
    const worker = this.#worker
    // Only while it works does it keep the process alive.
    worker.ref()
    const answer = nextAnswer(worker)
    worker.postMessage('checkpoint')
    const { failure } = await answer
    worker.unref()
    if (failure !== undefined) throw new DfError('DiskFailed', `A checkpoint failed: ${failure}`)
  }

  #start(): Worker {
    const worker = new Worker(new URL(entry, import.meta.url), {
      name: 'store-checkpoint',
      workerData: this.#path,
      resourceLimits,
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = undefined
    })
    // Whoever waits hears of it; the next checkpoint begins with another thread.
    worker.on('error', () => {})
    return worker
  }
}

function nextAnswer(worker: Worker): Promise<CheckpointAnswer> {
  return new Promise((resolve) => {
    const end = (answer: CheckpointAnswer): void => {
      worker.off('message', end)
      worker.off('error', failed)
      worker.off('exit', exited)
      resolve(answer)
    }
    const failed = (error: Error): void => end({ failure: error.message })
    const exited = (): void => end({ failure: 'its thread has ended' })
    worker.on('message', end)
    worker.on('error', failed)
    worker.on('exit', exited)
  })
}
