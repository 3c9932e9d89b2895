import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256File } from '@damselfly/testkit'
import { BenchError } from '../harness/bench.ts'
import { type BenchDaemon, startBenchSwarm } from '../harness/bench-swarm.ts'
import { eventLoopDelayP99Ms } from '../harness/daemon-metrics.ts'
import { interleave, type Sides } from '../harness/interleave.ts'
import type { Nginx } from '../harness/nginx.ts'
import { dataThreads, measureProcess, type ProcessCost } from '../harness/process-cost.ts'
import type { OurPrograms } from '../harness/programs.ts'
import { runProcess } from '../harness/run-process.ts'
import type { Variant } from './variants.ts'

export interface PairWorld {
  readonly programs: OurPrograms
  readonly nginx: Nginx
  readonly curl: string
  /** On a disk. */
  readonly dir: string
  /** On a file system in memory. */
  readonly memoryDir: string
  /** A file that is not measured. */
  readonly warmUpUrl: string
  readonly runs: number
  readonly signal: AbortSignal
}

export interface Subject {
  readonly url: string
  readonly sizeMiB: number
  readonly sha256: string
}

/** One copy from a sender to a receiver; the event loops' delays are known of ours only. */
export interface Transfer {
  readonly mibPerSec: number
  readonly child: End
  readonly parent: End
}

export interface End extends ProcessCost {
  readonly delayP99Ms?: number | undefined
}

export interface VariantResult {
  readonly transfers: Sides<Transfer>
  readonly threads: { readonly child: number; readonly parent: number }
}

/** Starts a pair of daemons for it, which go away with all they have at the end. */
export async function measureVariant(
  variant: Variant,
  subject: Subject,
  world: PairWorld,
): Promise<VariantResult> {
  const { programs, runs, signal } = world
  const dir = join(world.dir, 'swarm')
  await using swarm = await startBenchSwarm({ programs, dir, signal })
  const pair = {
    parent: await swarm.daemon('parent', variant.parentConfig),
    child: await swarm.daemon('child', variant.childConfig),
  }
  await warmParent(pair.parent, subject)
  // The first transfer compiles what the others run, and begins the connections.
  await pair.parent.download(world.warmUpUrl, {})
  await pair.child.download(world.warmUpUrl, {})
  const sides = {
    ours: () => ourTransfer(pair, { variant, subject }),
    peer: () => curlTransfer(variant, subject, world),
  }
  const settled = <T>(side: () => Promise<T>) => {
    return async (): Promise<T> => {
      // What one side has left to be written back would slow down the next one.
      await runProcess(['sync'], { signal })
      return await side()
    }
  }
  const turns = { ours: settled(sides.ours), peer: settled(sides.peer) }
  const transfers = await interleave(runs, turns, signal)
  const threads = { child: dataThreads(pair.child.pid), parent: dataThreads(pair.parent.pid) }
  return { transfers, threads }
}

/** Lets the parent have the file on its disk and, as the peer has its own, in the page cache, however it was written. */
async function warmParent(parent: BenchDaemon, { url, sha256 }: Subject): Promise<void> {
  const outputPath = parent.output('whole')
  await parent.download(url, { outputPath })
  if ((await sha256File(outputPath)) !== sha256)
    throw new BenchError('The parent has another file.')
  await rm(outputPath)
}

/** Lets the child take the file from the parent, and forget it again. */
async function ourTransfer(
  { parent, child }: { parent: BenchDaemon; child: BenchDaemon },
  { variant, subject }: { variant: Variant; subject: Subject },
): Promise<Transfer> {
  const { url, sizeMiB } = subject
  const outputPath = child.output('copy')
  const ends = [await beginEnd(child), await beginEnd(parent)] as const
  const result = await child.download(url, variant.to === 'memory' ? {} : { outputPath })
  const [childEnd, parentEnd] = [await ends[0](), await ends[1]()]
  const expectedBytes = sizeMiB * 1024 ** 2
  if (result.bytesFromPeers !== expectedBytes) {
    throw new BenchError(
      `Only ${result.bytesFromPeers} of ${expectedBytes} bytes came from the parent, ${result.bytesFromOrigin} from the origin.`,
    )
  }
  if (variant.to === 'memory') await child.download(url, { outputPath })
  if ((await sha256File(outputPath)) !== subject.sha256) {
    throw new BenchError(`${variant.name}: the copy is not the file.`)
  }
  await rm(outputPath)
  await child.forget(result.taskId)
  return { mibPerSec: rate(sizeMiB, result.ms), child: childEnd, parent: parentEnd }
}

/** Begins to measure a daemon; the returned function ends it. */
async function beginEnd({ pid, metricsUrl }: BenchDaemon): Promise<() => Promise<End>> {
  // The delay is told since the last look.
  await eventLoopDelayP99Ms(metricsUrl)
  const end = measureProcess(pid)
  return async () => ({ ...end(), delayP99Ms: await eventLoopDelayP99Ms(metricsUrl) })
}

async function curlTransfer(
  { to, limitBytesPerSec }: Variant,
  { url, sizeMiB }: Subject,
  { curl, nginx, dir, memoryDir, signal }: PairWorld,
): Promise<Transfer> {
  const output = join(to === 'memory' ? memoryDir : dir, 'curl.out')
  const limit = limitBytesPerSec === undefined ? [] : ['--limit-rate', String(limitBytesPerSec)]
  const endOfNginx = measureProcess(nginx.pid)
  const run = await runProcess([curl, '-sS', '-f', ...limit, '-o', output, url], {
    isCostWanted: true,
    signal,
  })
  const parent = endOfNginx()
  const { size } = await stat(output)
  await rm(output)
  if (size !== sizeMiB * 1024 ** 2) throw new BenchError("curl's copy is not the file.")
  return { mibPerSec: rate(sizeMiB, run.ms), child: run, parent }
}

const rate = (sizeMiB: number, ms: number): number => sizeMiB / (ms / 1_000)
