import { create } from '@bufbuild/protobuf'
import { DownloadSchema } from '@damselfly/api/common'
import { DfdaemonUpload } from '@damselfly/api/dfdaemon'
import { background, type Clock, DfError, type Log, type Network } from '@damselfly/core'
import { ChannelPool } from '@damselfly/rpc'
import type { SeedEffect } from './core/effects.ts'
import type { SeedTriggerError } from './core/events.ts'
import type { HostFacts } from './core/facts.ts'

type Trigger = Extract<SeedEffect, { type: 'triggerSeed' }>

export interface SeedTriggersDeps {
  clock: Clock
  network: Network | undefined
  log: Log
  /** How long a seed may take for a task, in milliseconds. */
  timeoutMs: number
  onEnded: (triggerId: number, error: SeedTriggerError | undefined) => void
}

/**
 * Calls seeds: `DfdaemonUpload/DownloadTask` on the seed's own port with `need_back_to_source`, as Dragonfly's
 * scheduler does. The stream of progress is drained; the seed's own AnnouncePeer stream is what counts.
 */
export class SeedTriggers {
  readonly #deps: SeedTriggersDeps
  readonly #channels: ChannelPool
  readonly #running = new Map<number, AbortController>()

  constructor(deps: SeedTriggersDeps) {
    this.#deps = deps
    const { clock, network } = deps
    this.#channels = new ChannelPool({ clock, ...(network === undefined ? {} : { network }) })
  }

  start(trigger: Trigger, seed: HostFacts | undefined): void {
    const controller = new AbortController()
    this.#running.set(trigger.triggerId, controller)
    background('seed trigger', this.#run(trigger, seed, controller.signal), this.#deps.log)
  }

  cancel(triggerId: number): void {
    this.#running.get(triggerId)?.abort(cancelled())
    this.#running.delete(triggerId)
  }

  stop(): void {
    for (const triggerId of [...this.#running.keys()]) this.cancel(triggerId)
    this.#channels.close()
  }

  async #run(trigger: Trigger, seed: HostFacts | undefined, signal: AbortSignal): Promise<void> {
    const { log, onEnded } = this.#deps
    const { triggerId, taskId, hostId } = trigger
    let hasAnswered = false
    try {
      if (seed === undefined) throw new DfError('PeerUnavailable', `the seed ${hostId} has left`)
      await this.#call(trigger, seed, { signal, onAnswer: () => (hasAnswered = true) })
      if (this.#running.delete(triggerId)) onEnded(triggerId, undefined)
    } catch (thrown) {
      // After `cancel` nobody waits for the end any more.
      if (!this.#running.delete(triggerId)) return
      const error = DfError.from(thrown)
      log.warn({ taskId, hostId, err: error }, 'seed did not download')
      onEnded(triggerId, {
        message: error.message,
        isUnreachable: !hasAnswered && error.code === 'PeerUnavailable',
        statusCode: statusCodeOf(error),
      })
    }
  }

  async #call(
    { download, range }: Trigger,
    seed: HostFacts,
    { signal, onAnswer }: { signal: AbortSignal; onAnswer: () => void },
  ): Promise<void> {
    const { timeoutMs } = this.#deps
    using lease = this.#channels.acquire({ host: seed.ip, port: seed.port })
    const upload = lease.channel.client(DfdaemonUpload)
    const request = create(DownloadSchema, download)
    request.needBackToSource = true
    request.outputPath = undefined
    request.range = undefined
    if (range !== undefined) {
      request.range = {
        $typeName: 'common.v2.Range',
        start: BigInt(range.start),
        length: BigInt(range.length),
      }
    }
    const progress = upload.downloadTask({ download: request }, { signal, timeoutMs })
    for await (const _ of progress) onAnswer()
  }
}

function statusCodeOf(error: DfError): number | undefined {
  const { statusCode } = error.details
  return typeof statusCode === 'number' ? statusCode : undefined
}

const cancelled = (): Error =>
  new DOMException('the scheduler no longer waits for this seed', 'AbortError')
