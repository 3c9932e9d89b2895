import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256File } from '@damselfly/testkit'
import type { FanOut } from '../fan-out.ts'
import { BenchError } from '../harness/bench.ts'
import type { BenchDaemon } from '../harness/bench-swarm.ts'
import { uploadedBytes } from '../harness/daemon-metrics.ts'
import type { Nginx } from '../harness/nginx.ts'
import { measureProcess, measureProcesses } from '../harness/process-cost.ts'
import { runProcess } from '../harness/run-process.ts'

export interface ReceiversOptions {
  readonly subject: { readonly url: string; readonly sizeMiB: number; readonly sha256: string }
  readonly parent: BenchDaemon
  readonly children: readonly BenchDaemon[]
  readonly nginx: Nginx
  readonly curl: string
  readonly dir: string
  readonly signal: AbortSignal
}

/** Lets many take the same file at once: our daemons from their parent, curls from nginx. */
export class Receivers {
  readonly #options: ReceiversOptions
  readonly #sizeBytes: number

  constructor(options: ReceiversOptions) {
    this.#options = options
    this.#sizeBytes = options.subject.sizeMiB * 1024 ** 2
  }

  get parentPid(): number {
    return this.#options.parent.pid
  }

  get childPid(): number {
    return this.#options.children[0]?.pid ?? 0
  }

  async prepare(): Promise<void> {
    await this.#options.parent.download(this.#options.subject.url, {})
  }

  async ours(): Promise<FanOut> {
    const { subject, parent, children } = this.#options
    const sentBefore = await uploadedBytes(parent.metricsUrl)
    const ends = {
      parent: measureProcess(parent.pid),
      children: measureProcesses(children.map(({ pid }) => pid)),
    }
    const startedAt = performance.now()
    const results = await Promise.all(
      children.map((child) => child.download(subject.url, { outputPath: child.output('copy') })),
    )
    const ms = performance.now() - startedAt
    const costs = { parent: ends.parent(), children: ends.children() }
    const sent = (await uploadedBytes(parent.metricsUrl)) - sentBefore
    const expected = this.#sizeBytes * children.length
    if (sent < expected || results.some((one) => one.bytesFromPeers !== this.#sizeBytes)) {
      throw new BenchError(`The parent has sent ${sent} of ${expected} bytes to the children.`)
    }
    const [first] = children
    if (first !== undefined && (await sha256File(first.output('copy'))) !== subject.sha256) {
      throw new BenchError('The copy is not the file.')
    }
    await Promise.all(
      children.map(async (child) => {
        await this.#takeAway(child.output('copy'))
        await child.forget(results[0]?.taskId ?? '')
      }),
    )
    return { ms, ...costs }
  }

  async curls(): Promise<FanOut> {
    const { subject, children, nginx, curl, dir, signal } = this.#options
    const outputs = children.map(({ name }) => join(dir, `curl-${name}`))
    const endOfNginx = measureProcess(nginx.pid)
    const startedAt = performance.now()
    const runs = await Promise.all(
      outputs.map((output) =>
        runProcess([curl, '-sS', '-f', '-o', output, subject.url], { isCostWanted: true, signal }),
      ),
    )
    const ms = performance.now() - startedAt
    const parent = endOfNginx()
    for (const output of outputs) await this.#takeAway(output)
    const cost = {
      cpuMs: runs.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      peakRssMiB: Math.max(...runs.map(({ peakRssMiB }) => peakRssMiB)),
    }
    return { ms, parent, children: cost }
  }

  async #takeAway(path: string): Promise<void> {
    const { size } = await stat(path)
    if (size !== this.#sizeBytes) throw new BenchError(`${path} has ${size} bytes.`)
    await rm(path)
  }
}
