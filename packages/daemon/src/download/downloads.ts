import { SharedJob } from '@damselfly/core'
import type { DownloadContext } from './download-context.ts'
import { DownloadJob, type JobStart } from './download-job.ts'
import { type DownloadRequest, jobKey } from './download-request.ts'

/** The downloads in flight. Equal requests join one job, which ends early only when the last of them leaves. */
export class Downloads {
  readonly #context: DownloadContext
  readonly #jobs = new Map<string, Entry>()

  constructor(context: DownloadContext) {
    this.#context = context
  }

  /** Joins or starts the job for a request. `done` rejects with the signal's reason when that aborts. */
  join(
    request: DownloadRequest,
    signal: AbortSignal,
  ): { started: Promise<JobStart>; done: Promise<void> } {
    const key = jobKey(request)
    const known = this.#jobs.get(key)
    const entry = known?.shared.isJoinable === true ? known : this.#begin(key, request)
    const done = entry.shared.join(signal)
    done.catch(() => {})
    return { started: entry.job.started, done }
  }

  #begin(key: string, request: DownloadRequest): Entry {
    const job = new DownloadJob(request, this.#context)
    const shared = new SharedJob(async (signal) => {
      try {
        await job.run(signal)
      } finally {
        if (this.#jobs.get(key) === entry) this.#jobs.delete(key)
      }
    })
    const entry = { job, shared }
    this.#jobs.set(key, entry)
    return entry
  }
}

interface Entry {
  readonly job: DownloadJob
  readonly shared: SharedJob<void>
}
